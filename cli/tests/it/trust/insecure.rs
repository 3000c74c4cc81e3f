//! `insecure = true` of registries.conf: for both sides and every command, unless the flag of that side was given.

use test_support::{Image, ImageBuilder, Layer, Registry, TestCa};

use crate::harness::{Home, Outcome};

fn made() -> Image {
    ImageBuilder::oci().layer(Layer::random(1, 1000)).build()
}

fn insecure<'a>(registries: impl IntoIterator<Item = &'a Registry>) -> String {
    let table = |registry: &Registry| format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", registry.host());
    registries.into_iter().map(table).collect()
}

/// A registry in plain HTTP, and one whose certificate nobody trusts.
fn registries() -> [Registry; 2] {
    [Registry::start_blocking(), Registry::builder().tls(&TestCa::new()).start_blocking()]
}

#[test]
fn both_sides_without_a_flag() {
    for (source, destination) in registries().into_iter().zip(registries().into_iter().rev()) {
        source.push("ns/app", "v1", &made());
        let check = |text: &str, flags: &[&str], expected: Option<&str>| {
            let home = Home::new();
            let conf = home.write("registries.conf", text);
            let home = home.variable("CONTAINERS_REGISTRIES_CONF", conf);
            home.additional_images([format!("{}/ns/app:v1", source.host())]);
            let run = |args: &[&str]| -> Outcome { home.run(&[args, flags, &["--retry-delay=10ms"]].concat()) };
            let (disk, target) =
                (format!("file://{}", home.disk().display()), format!("docker://{}", destination.host()));
            let workspace = format!("file://{}", home.workspace().display());
            let outcome = run(&["-c", "isc.yaml", "--workspace", &workspace, &target]);
            let Some(expected) = expected else {
                outcome.code(0);
                run(&["-c", "isc.yaml", &disk]).code(0);
                run(&["-c", "isc.yaml", "--from", &disk, &target]).code(0);
                assert!(destination.manifest("ns/app", "v1").is_some());
                let delete = "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  \
                              additionalImages:\n  - name: ";
                home.write("delete.yaml", format!("{delete}{}/ns/app:v1\n", source.host()));
                run(&["delete", "-c", "delete.yaml", "--generate", "--workspace", &workspace, &target]).code(0);
                let list = home.workspace().join("working-dir/delete/delete-images.yaml");
                let list = list.display().to_string();
                run(&["delete", "--delete-yaml-file", &list, &target]).code(0);
                assert!(destination.manifest("ns/app", "v1").is_none());
                return;
            };
            assert_ne!(outcome.code, Some(0));
            outcome.says(expected);
            assert!(destination.manifest("ns/app", "v1").is_none());
        };
        check(&insecure([&source, &destination]), &[], None);
        // Who is not named is verified.
        check(&insecure([&source]), &[], Some("checking registry"));
        check(&insecure([&destination]), &[], Some("pulling manifest"));
        check("", &[], Some("checking registry"));
        // What somebody typed goes before what stands in a file.
        check(&insecure([&source, &destination]), &["--dest-tls-verify=true"], Some("checking registry"));
        check(&insecure([&source, &destination]), &["--src-tls-verify"], Some("pulling manifest"));
    }
}

#[test]
fn lists_without_a_flag() {
    for registry in registries() {
        registry.push("openshift-release-dev/ocp-release", "4.20.3-x86_64", &made());
        registry.push("cat/index", "v1", &crate::list::catalog(""));
        for (line, flags, is_listed) in [
            ("insecure = true", &[][..], true),
            ("", &[], false),
            ("insecure = true", &["--src-tls-verify=true"], false),
        ] {
            let home = Home::new();
            let table = format!("[[registry]]\nprefix = \"quay.io\"\nlocation = \"{}\"\n{line}\n", registry.host());
            let conf = home.write("registries.conf", table);
            let home = home.variable("CONTAINERS_REGISTRIES_CONF", conf);
            let found = home.run(&[&["list", "releases", "--retry-times=0"], flags].concat());
            assert_eq!(found.stdout.contains("4.20"), is_listed, "{line} {flags:?}: {} {}", found.stdout, found.stderr);
            let operators = ["list", "operators", "--catalog=quay.io/cat/index:v1", "--retry-times=0"];
            let found = home.run(&[&operators, flags].concat());
            assert_eq!(found.stdout.contains("foo"), is_listed, "{line} {flags:?}: {} {}", found.stdout, found.stderr);
        }
    }
}
