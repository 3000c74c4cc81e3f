//! A browser without a window, for pages that people read.

use std::path::Path;
use std::process::Command;

use super::skip;

/// The program `chromium`.
#[derive(Debug)]
pub struct Chromium;

/// What a browser did with a page.
#[derive(Debug)]
pub struct Shown {
    /// A picture of the page, PNG.
    pub picture: Vec<u8>,
    /// What the page said to the console: errors, and what its policy refused.
    pub console: Vec<String>,
    /// What was asked of servers, by URL.
    pub requests: Vec<String>,
}

impl Chromium {
    /// The browser; none, with a message, when it is not installed.
    pub fn find() -> Option<Self> {
        let found = Command::new("chromium").arg("--version").output().is_ok_and(|output| output.status.success());
        if !found {
            skip("chromium");
        }
        found.then_some(Self)
    }

    /// Shows a file in a window of this size, with light or dark colours. `folder` takes the browser's own files.
    ///
    /// # Panics
    /// When the browser takes no picture.
    pub fn show(&self, page: &Path, (width, height): (u32, u32), dark: bool, folder: &Path) -> Shown {
        let own = folder.join(format!("chromium-{width}-{dark}"));
        std::fs::create_dir_all(&own).expect("the folder can be made");
        let (picture, net) = (own.join("picture.png"), own.join("net.json"));
        let mut command = Command::new("chromium");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]);
        command.args(["--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr"]);
        command.arg(format!("--blink-settings=preferredColorScheme={}", u32::from(!dark)));
        command.arg(format!("--user-data-dir={}", own.join("profile").display()));
        command.arg(format!("--log-net-log={}", net.display()));
        command.arg(format!("--window-size={width},{height}"));
        command.arg(format!("--screenshot={}", picture.display()));
        command.arg(format!("file://{}", page.display())).env("HOME", &own);
        let output = command.output().expect("chromium starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let picture = std::fs::read(picture).unwrap_or_else(|error| panic!("no picture was taken: {error}: {said}"));
        let net = std::fs::read_to_string(net).unwrap_or_default();
        // One event a line. What the browser itself wants, such as the time, has no page that asks.
        let asked = net.lines().filter(|line| line.contains("\"initiator\":") && !line.contains("\"not an origin\""));
        let urls = asked.filter_map(|line| line.split("\"url\":\"").nth(1)?.split('"').next());
        let requests = urls.filter(|url| url.starts_with("http")).map(str::to_owned).collect();
        let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
        Shown { picture, console, requests }
    }
}
