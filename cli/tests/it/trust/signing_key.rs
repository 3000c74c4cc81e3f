//! The private key of `--sign-catalogs`: who can read it.

use std::os::unix::fs::PermissionsExt as _;

use test_support::{OperatorWorld, Registry};

use super::KEY;
use crate::harness::Home;

/// The mode of the key's file, and whether a warning says what to do about it.
#[test]
fn a_key_that_others_can_read_is_warned_about() {
    let source = Registry::start_blocking();
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"])]).push_to(&source);
    let home = Home::new();
    let catalog = format!("{}/cat/index:v1", source.host());
    home.configuration(&format!("operators:\n- catalog: {catalog}\n  packages:\n  - name: foo\n"));
    let key = home.write("catalogs.key", KEY);
    let name = key.display().to_string();
    let mirror = || home.to_disk(&["--sign-catalogs", "catalogs.key"]);
    for (mode, warned) in
        [(0o600, false), (0o400, false), (0o640, true), (0o644, true), (0o604, true), (0o622, true), (0o700, false)]
    {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let outcome = mirror();
        let line = outcome.code(0).line_with("--sign-catalogs: the private key");
        assert_eq!(line.is_some(), warned, "{mode:o}: {line:?}");
        if let Some(line) = line {
            assert!(line.contains(&format!("`{name}` has the mode 0{mode:o}")), "{line}");
            assert!(line.contains(&format!("`chmod 600 {name}` keeps it private")), "{line}");
        }
    }
    // A key that is not there is no warning.
    std::fs::remove_file(&key).unwrap();
    mirror().code(1).says(&format!("cannot read `{name}`"));
}
