//! Machines with a network of their own: network namespaces, each with a cable of a limited rate. Linux and root only.
//!
//! A hub namespace holds one end of every cable, and the registries of a test. The test process starts itself again inside
//! the hub, so nothing has an address in the network of the machine that runs the tests. The process outside takes the
//! namespaces away, whatever became of the one inside.

use std::path::Path;
use std::process::Command;

/// The address of the hub, for every machine.
pub(crate) const HUB: &str = "10.213.255.1";

/// Names the machines of the hub to the process inside, separated by blanks.
const INSIDE: &str = "OC_MIRROR_TEST_MACHINES";

/// What the names of all namespaces begin with; the process that made them follows.
const PREFIX: &str = "oc-mirror-test-";

/// A hub and its machines. They are gone when this is dropped.
pub(crate) struct Network {
    hub: String,
    machines: Vec<String>,
}

impl Network {
    /// So many machines, each with a cable that carries `rate` in each direction (tc(8): `400kbps` are 400 kB/s).
    ///
    /// # Errors
    /// Where this machine does not let us: without root, without `ip` and `tc`, in a container.
    pub(crate) fn new(count: usize, rate: &str) -> Result<Self, String> {
        remove_leftovers();
        let name = |part: &str| format!("{PREFIX}{}-{part}", std::process::id());
        let machines = (0..count).map(|machine| name(&machine.to_string())).collect();
        let network = Self { hub: name("hub"), machines };
        network.make(rate)?;
        Ok(network)
    }

    fn make(&self, rate: &str) -> Result<(), String> {
        let hub = self.hub.as_str();
        let limit = ["root", "tbf", "rate", rate, "burst", "64kb", "latency", "500ms"];
        ip(&["netns", "add", hub])?;
        ip(&["-n", hub, "link", "set", "lo", "up"])?;
        ip(&["-n", hub, "address", "add", &format!("{HUB}/32"), "dev", "lo"])?;
        for (number, machine) in self.machines.iter().enumerate() {
            let (cable, here, there) =
                (format!("m{number}"), format!("10.213.{number}.1"), format!("10.213.{number}.2"));
            ip(&["netns", "add", machine])?;
            ip(&["-n", machine, "link", "set", "lo", "up"])?;
            ip(&["-n", hub, "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", machine])?;
            ip(&["-n", hub, "address", "add", &format!("{here}/30"), "dev", &cable])?;
            ip(&["-n", hub, "link", "set", &cable, "up"])?;
            ip(&["-n", machine, "address", "add", &format!("{there}/30"), "dev", "eth0"])?;
            ip(&["-n", machine, "link", "set", "eth0", "up"])?;
            ip(&["-n", machine, "route", "add", "default", "via", &here])?;
            run("tc", &[&["-n", hub, "qdisc", "add", "dev", &cable], &limit[..]].concat())?;
            run("tc", &[&["-n", machine, "qdisc", "add", "dev", "eth0"], &limit[..]].concat())?;
        }
        Ok(())
    }

    /// Runs one test of this program again, inside the hub. There, [`machines`] has an answer.
    #[track_caller]
    pub(crate) fn run_inside(&self, test: &str) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.hub]).arg(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(INSIDE, self.machines.join(" "));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in self.machines.iter().chain([&self.hub]) {
            remove(name);
        }
    }
}

/// The machines of the hub in which this process was started; none outside of a hub.
#[expect(clippy::disallowed_methods, reason = "how the process outside tells the one inside")]
pub(crate) fn machines() -> Option<Vec<String>> {
    let names = std::env::var(INSIDE).ok()?;
    Some(names.split(' ').map(str::to_owned).collect())
}

/// Takes the cable out of a machine. What travels there is lost, and nobody is told.
#[track_caller]
pub(crate) fn cut(machine: &str) {
    ip(&["-n", machine, "link", "set", "eth0", "down"]).unwrap();
}

/// Ends what runs in a namespace, and takes the namespace away with its cables.
fn remove(name: &str) {
    let inside = Command::new("ip").args(["netns", "pids", name]).output();
    let inside = inside.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    for pid in inside.split_whitespace() {
        let _ = run("kill", &["-KILL", pid]);
    }
    // What was never made cannot be removed.
    let _ = ip(&["netns", "del", name]);
}

/// Removes the namespaces of test processes that were killed.
fn remove_leftovers() {
    let Ok(output) = Command::new("ip").args(["netns", "list"]).output() else { return };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in text.lines().filter_map(|line| line.split(' ').next()) {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            remove(name);
        }
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    run("ip", args)
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let line = || format!("`{program} {}`", args.join(" "));
    let output = Command::new(program).args(args).output().map_err(|error| format!("{}: {error}", line()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", line(), String::from_utf8_lossy(&output.stderr).trim()))
}
