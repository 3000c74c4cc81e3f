//! The other commands.

use super::*;

#[test]
fn other_commands() {
    let text = answers(
        &Snapshot::for_test(WORLD),
        &[
            "archive",
            "archive list",
            "archive list file:///f",
            "archive verify /f --output json",
            "archive verify docker://reg.lan",
            "describe /f",
            "why reg.lan/a:1",
            "why -c isc.yaml reg.lan/a:1",
            "version --output json",
            "version --output xml",
            "version --short",
            "completion bash",
            "completion tcsh",
            "completion",
            "help delete",
            "--help",
            "--version",
            "-v",
            "--v2 --version",
        ],
    );
    let text = text.replace(version::LINE, "version v0.0.0 (TARGET)");
    insta::assert_snapshot!(text, @r#"
    $ oc-mirror archive
        ok: help []
    $ oc-mirror archive list
        missing argument: <DIR>
    $ oc-mirror archive list file:///f
        ok: archive list []
    $ oc-mirror archive verify /f --output json
        ok: archive verify []
    $ oc-mirror archive verify docker://reg.lan
        `docker://reg.lan` is no directory: expected a path, with or without file://
    $ oc-mirror describe /f
        ok: describe []
    $ oc-mirror why reg.lan/a:1
        use the --config flag, it is mandatory
    $ oc-mirror why -c isc.yaml reg.lan/a:1
        ok: why []
    $ oc-mirror version --output json
        ok: version []
    $ oc-mirror version --output xml
        --output must be 'yaml' or 'json'
    $ oc-mirror version --short
        ok: version []
    $ oc-mirror completion bash
        ok: completion []
    $ oc-mirror completion tcsh
        invalid argument "tcsh" for "<SHELL>" flag: expected one of bash, elvish, fish, powershell, zsh
    $ oc-mirror completion
        missing argument: <SHELL>
    $ oc-mirror help delete
        help, long: true
    $ oc-mirror --help
        help, long: true
    $ oc-mirror --version
        shown: oc-mirror version v0.0.0 (TARGET)
    $ oc-mirror -v
        shown: oc-mirror version v0.0.0 (TARGET)
    $ oc-mirror --v2 --version
        shown: oc-mirror version v0.0.0 (TARGET)
    "#);
}
