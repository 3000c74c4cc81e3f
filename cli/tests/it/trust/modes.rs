//! The modes of what is written.

use std::os::unix::fs::PermissionsExt as _;

use test_support::{ImageBuilder, Layer, OperatorWorld, Registry};

use super::policy::KEY;
use crate::harness::{Home, walk};

/// Whatever the mask of the caller, no file can be executed, or runs as somebody else; with the mask that is expected, or a
/// stricter one, nobody but the owner can write.
#[test]
fn nothing_that_is_written_can_be_executed() {
    let source = Registry::start_blocking();
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]).push_to(&source);
    source.push("ns/app", "v1", &ImageBuilder::oci().layer(Layer::random(1, 4000)).build());
    for (mask, forbidden) in [("022", 0o7133), ("077", 0o7177), ("000", 0o7111)] {
        let destination = Registry::start_blocking();
        let home = Home::new();
        home.configuration(&format!(
            "operators:\n- catalog: {0}/cat/index:v1\n  packages:\n  - name: foo\nadditionalImages:\n- name: {0}/ns/app:v1\n",
            source.host()
        ));
        let key = home.write("catalogs.key", KEY).display().to_string();
        let own = home.files();
        let (disk, workspace) =
            (format!("file://{}", home.disk().display()), format!("file://{}", home.workspace().display()));
        let to = format!("docker://{}", destination.host());
        let plain =
            ["--src-tls-verify=false", "--dest-tls-verify=false", "--sign-catalogs", key.as_str(), "--log-level=trace"];
        for way in [
            &[disk.as_str()][..],
            &["--from", disk.as_str(), to.as_str()],
            &["--workspace", workspace.as_str(), to.as_str()],
        ] {
            let args = [&["-c", "isc.yaml"], way, &plain].concat();
            let plain = home.command(&args);
            let mut shell = std::process::Command::new("sh");
            shell.current_dir(home.path()).env_clear();
            shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            shell.arg("-c").arg(format!("umask {mask}; exec \"$0\" \"$@\""));
            let output = shell.arg(plain.get_program()).args(plain.get_args()).output().unwrap();
            home.outcome(&output).code(0);
        }
        let mut count = 0;
        for path in walk(home.path()) {
            let name = path.strip_prefix(home.path()).unwrap().display().to_string();
            if !own.contains(&name) {
                let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
                assert_eq!(mode & forbidden, 0, "{name} has mode {mode:o} under the mask {mask}");
                count += 1;
            }
        }
        assert!(count > 50, "{count} files");
    }
}
