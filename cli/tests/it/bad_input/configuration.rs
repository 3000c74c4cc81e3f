//! Mistakes in the configuration and in how the program is called.

use super::leaves;
use crate::harness::Home;

/// Mirrors `text` to disk, which must be refused with exit code 1 before anything is written.
#[track_caller]
fn refuse(text: &str) -> String {
    refuse_with(1, text)
}

fn refuse_with(code: i32, text: &str) -> String {
    let home = Home::new();
    home.write("isc.yaml", text);
    let outcome = home.to_disk(&[]);
    outcome.code(code);
    leaves(&home, &[]);
    outcome.complaints()
}

#[test]
fn no_such_file() {
    let home = Home::new();
    let outcome = home.to_disk(&[]);
    insta::assert_snapshot!(outcome.code(1).complaints(), @"[ERROR]  : [Executor] could not parse config: cannot read `HOME/isc.yaml`: No such file or directory (os error 2)");
    leaves(&home, &[]);
}

#[test]
fn a_folder_instead_of_a_file() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("isc.yaml")).unwrap();
    insta::assert_snapshot!(home.to_disk(&[]).code(1).complaints(), @"[ERROR]  : [Executor] could not parse config: cannot read `HOME/isc.yaml`: Is a directory (os error 21)");
}

#[test]
fn an_unreadable_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = home.additional_images(["quay.io/ns/app:v1"]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        eprintln!("skipped: root reads everything");
        return;
    }
    home.to_disk(&[]).code(1).says("cannot read").says("Permission denied");
}

#[test]
fn not_text() {
    let home = Home::new();
    home.write("isc.yaml", [0x1f, 0x8b, 0x08, 0x00, 0xff]);
    insta::assert_snapshot!(home.to_disk(&[]).code(1).complaints(), @"[ERROR]  : [Executor] could not parse config: `HOME/isc.yaml` is no UTF-8 text: invalid utf-8 sequence of 1 bytes from index 1");
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(refuse(""), @r#"
    [ERROR]  : HOME/isc.yaml:1:1: error: the configuration is empty: it is missing `kind`
      help: begin with `kind: ImageSetConfiguration` and `apiVersion: mirror.openshift.io/v2alpha1`
    [ERROR]  : [Executor] could not parse config: 1 mistake(s) in `HOME/isc.yaml`, listed above
    "#);
}

#[test]
fn the_wrong_kind() {
    insta::assert_snapshot!(refuse(
        "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete: {}\n"
    ), @r#"
    [ERROR]  : HOME/isc.yaml:1:7: error: kind: cannot parse "DeleteImageSetConfiguration" as "ImageSetConfiguration"
      1 | kind: DeleteImageSetConfiguration
        |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: this file says what to delete; it is for `oc-mirror delete --generate`
    [ERROR]  : [Executor] could not parse config: 1 mistake(s) in `HOME/isc.yaml`, listed above
    "#);
    insta::assert_snapshot!(refuse("kind: Deployment\napiVersion: apps/v1\nspec: {}\n"), @r#"
    [ERROR]  : HOME/isc.yaml:1:1: error: the configuration is missing the `mirror` stanza
      1 | kind: Deployment
        | ^
      help: add `mirror:` with the content below it
    [ERROR]  : HOME/isc.yaml:1:7: error: kind: cannot parse "Deployment" as "ImageSetConfiguration"
      1 | kind: Deployment
        |       ^^^^^^^^^^
      help: write `kind: ImageSetConfiguration`
    [WARN]   : HOME/isc.yaml:2:13: warning: apiVersion: `apps/v1` is not known and read as `mirror.openshift.io/v2alpha1`
      2 | apiVersion: apps/v1
        |             ^^^^^^^
      help: write `apiVersion: mirror.openshift.io/v2alpha1`
    [ERROR]  : HOME/isc.yaml:3:1: error: unknown field "spec" in an ImageSetConfiguration
      3 | spec: {}
        | ^^^^
      help: known here: `kind`, `apiVersion`, `archiveSize` and `mirror`
    [ERROR]  : [Executor] could not parse config: 3 mistake(s) in `HOME/isc.yaml`, listed above
    "#);
}

#[test]
fn broken_yaml() {
    insta::assert_snapshot!(refuse(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  additionalImages:\n  - name: [quay.io/a\n"
    ), @r#"
    [ERROR]  : HOME/isc.yaml:5:11: error: broken YAML: unclosed bracket '['
      5 |   - name: [quay.io/a
        |           ^
      help: `[` in line 5 is not closed
    [ERROR]  : [Executor] could not parse config: 1 mistake(s) in `HOME/isc.yaml`, listed above
    "#);
}

#[test]
fn several_mistakes_at_once() {
    insta::assert_snapshot!(refuse(
        "kind: ImageSetConfiguration\n\
         apiVersion: mirror.openshift.io/v2alpha1\n\
         archiveSize: many\n\
         mirror:\n\
         \x20 additionalImage:\n\
         \x20 - name: quay.io/a:1\n\
         \x20 additionalImages:\n\
         \x20 - name: \"\"\n\
         \x20 - nam: quay.io/b:1\n"
    ), @r#"
    [ERROR]  : HOME/isc.yaml:3:14: error: archiveSize: expected a whole number of GiB, found the text `many`
      3 | archiveSize: many
        |              ^^^^
      help: write the number of GiB alone, like `archiveSize: 4`
    [ERROR]  : HOME/isc.yaml:5:3: error: mirror: unknown field "additionalImage" in the `mirror` section
      5 |   additionalImage:
        |   ^^^^^^^^^^^^^^^
      help: did you mean `additionalImages`?
    [ERROR]  : HOME/isc.yaml:8:11: error: mirror.additionalImages[0].name: an additional image needs a `name`, and this one is empty
      8 |   - name: ""
        |           ^^
      help: write `name: registry.example/app:1.0`; if a template wrote this file, the template filled in nothing here
    [ERROR]  : HOME/isc.yaml:9:5: error: mirror.additionalImages[1]: unknown field "nam" in an additional image
      9 |   - nam: quay.io/b:1
        |     ^^^
      help: did you mean `name`?
    [ERROR]  : [Executor] could not parse config: 4 mistake(s) in `HOME/isc.yaml`, listed above
    "#);
}

#[test]
fn bad_references() {
    insta::assert_snapshot!(refuse_with(
        8,
        "kind: ImageSetConfiguration\n\
         apiVersion: mirror.openshift.io/v2alpha1\n\
         mirror:\n\
         \x20 additionalImages:\n\
         \x20 - name: quay.io/Upper/case:1\n\
         \x20 - name: quay.io/ns/app@sha256:123\n\
         \x20 - name: quay.io/ns/app:not a tag\n\
         \x20 - name: ftp://quay.io/ns/app:1\n"
    ), @r#"
    [ERROR]  : HOME/isc.yaml:5:11: error: mirror.additionalImages[0].name: invalid repository path `Upper/case`: expected lower-case components separated by `/`, like `openshift/cli`
      5 |   - name: quay.io/Upper/case:1
        |           ^^^^^^^^^^^^^^^^^^^^
      help: write `quay.io/upper/case:1`
    [ERROR]  : HOME/isc.yaml:6:11: error: mirror.additionalImages[1].name: quay.io/ns/app@sha256:123 unable to parse image correctly : invalid digest: sha256 needs 64 hex digits, found 3 characters
      6 |   - name: quay.io/ns/app@sha256:123
        |           ^^^^^^^^^^^^^^^^^^^^^^^^^
      help: a digest is `sha256:` and 64 hex digits, all in lower case
    [ERROR]  : HOME/isc.yaml:7:11: error: mirror.additionalImages[2].name: "quay.io/ns/app:not a tag" unable to parse image correctly: ' ' cannot stand in an image reference
      7 |   - name: quay.io/ns/app:not a tag
        |           ^^^^^^^^^^^^^^^^^^^^^^^^
    [ERROR]  : HOME/isc.yaml:8:11: error: mirror.additionalImages[3].name: `ftp://` is no transport of images
      8 |   - name: ftp://quay.io/ns/app:1
        |           ^^^^^^^^^^^^^^^^^^^^^^
      help: write `quay.io/ns/app:1` for an image of a registry
    [ERROR]  : [Executor] could not parse config: 4 mistake(s) in `HOME/isc.yaml`, listed above
    "#);
}

#[test]
fn no_images() {
    let home = Home::new();
    home.configuration("additionalImages: []\n");
    insta::assert_snapshot!(home.to_disk(&[]).code(1).complaints(), @"[ERROR]  : [Executor] no images to copy: the configuration asks for none, or all of them are blocked");
    leaves(&home, &[]);
}

/// Wrong use of the command line: the reason, how it is called, and where the help is.
#[test]
fn wrong_arguments() {
    fn check(args: &[&str]) -> String {
        let home = Home::new();
        home.additional_images(["quay.io/ns/app:v1"]);
        let outcome = home.run(args);
        outcome.code(1);
        leaves(&home, &[]);
        // The line of the error ends in a blank.
        outcome.complaints().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
    insta::assert_snapshot!(check(&[]), @r#"
    [ERROR]  : [Executor] requires at least 1 arg(s), only received 0: a destination, `file://<dir>` or `docker://<host>`
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
    insta::assert_snapshot!(check(&["-c", "isc.yaml"]), @r#"
    [ERROR]  : [Executor] requires at least 1 arg(s), only received 0: a destination, `file://<dir>` or `docker://<host>`
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
    insta::assert_snapshot!(check(&["-c", "isc.yaml", "disk"]), @r#"
    [ERROR]  : [Executor] destination must have either file:// (mirror to disk) or docker:// (diskToMirror) protocol prefixes, found `disk`
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
    insta::assert_snapshot!(check(&["-c", "isc.yaml", "docker://"]), @r#"
    [ERROR]  : [Executor] when destination is docker://, either --from (assumes disk to mirror workflow) or --workspace (assumes mirror to mirror workflow) need to be provided
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
    insta::assert_snapshot!(check(&["-c", "isc.yaml", "file://disk", "--parallel-imags", "3"]), @r#"
    [ERROR]  : [Executor] unknown flag: --parallel-imags, did you mean `--parallel-images`?
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
    insta::assert_snapshot!(check(&["delet", "-c", "disc.yaml", "docker://reg.lan:5000"]), @r#"
    [ERROR]  : [Executor] unknown command "delet", did you mean `delete`?
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
    insta::assert_snapshot!(check(&["-c", "isc.yaml", "file://disk", "--ignore-history"]), @r#"
    [ERROR]  : [Executor] unknown flag: --ignore-history (a flag of oc-mirror v1): v2 has `--since YYYY-MM-DD`: the archive holds everything that was new since that day
    Usage: oc-mirror [FLAGS] DESTINATION
    See `oc-mirror --help`.
    "#);
}
