//! Programs of others that tests run: registry servers and independent clients.

mod chromium;
mod debian;
mod gpg;
mod skopeo;

pub use self::chromium::{Chromium, Shown};
pub use self::debian::{DebianRegistry, DebianRegistryBuilder};
pub use self::gpg::Gpg;
pub use self::skopeo::Skopeo;

/// Says why a test does not run. A skip that nobody sees is a hole in the tests.
#[expect(clippy::print_stderr, reason = "the test harness shows it, and there is no other channel")]
fn skip(program: &str) {
    eprintln!("skipped: the program `{program}` is not installed; `cargo xtask setup` installs it");
}
