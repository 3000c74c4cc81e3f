//! Deleting one image never removes another one that has its name.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;

/// How the images got to the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ThroughDisk,
    Direct,
}

/// A home, its destination, and the way there.
struct Mirror {
    home: Home,
    destination: Registry,
    way: Way,
}

impl Mirror {
    fn new(way: Way) -> Self {
        Self { home: Home::new(), destination: Registry::start_blocking(), way }
    }

    fn to(&self) -> String {
        format!("{}/m", self.destination.host())
    }

    fn mirror(&self, body: &str) {
        self.home.configuration(body);
        match self.way {
            Way::ThroughDisk => {
                self.home.to_disk(&[]).code(0);
                self.home.to_mirror(&self.to(), &[]).code(0);
            }
            Way::Direct => {
                self.home.mirror_to_mirror(&self.to(), &[]).code(0);
            }
        }
    }

    fn workspace(&self) -> PathBuf {
        if self.way == Way::ThroughDisk { self.home.disk() } else { self.home.workspace() }
    }

    /// The first step for this `delete` stanza.
    fn generate(&self, body: &str) -> Outcome {
        let mut text =
            "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n".to_owned();
        for line in body.lines() {
            writeln!(text, "  {line}").unwrap();
        }
        self.home.write("disc.yaml", text);
        let list = self.list();
        let _ = std::fs::remove_file(&list);
        let (workspace, to) = (format!("file://{}", self.workspace().display()), format!("docker://{}", self.to()));
        self.home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to])
    }

    fn list(&self) -> PathBuf {
        self.workspace().join("working-dir/delete/delete-images.yaml")
    }

    fn execute(&self, list: &Path) -> Outcome {
        let (workspace, to) = (format!("file://{}", self.workspace().display()), format!("docker://{}", self.to()));
        let list = list.display().to_string();
        let args = ["delete", "--delete-yaml-file", &list, "--workspace", &workspace, &to, "--dest-tls-verify=false"];
        self.home.run(&args)
    }
}

fn lines(names: &[&str]) -> String {
    format!("additionalImages:\n- name: {}\n", names.join("\n- name: "))
}

#[test]
fn an_image_that_another_line_names_too_is_not_deleted() {
    for way in [Way::ThroughDisk, Way::Direct] {
        let (one, two, mirror) = (registry(100), Registry::start_blocking(), Mirror::new(way));
        two.push("a/b", "v1", &image(100));
        let (first, second) = (format!("{}/a/b:v1", one.host()), format!("{}/a/b:v1", two.host()));
        mirror.mirror(&lines(&[&first, &second, &format!("{}/a/b:v2", one.host())]));
        for (asked, other) in [(&first, &second), (&second, &first)] {
            let outcome = mirror.generate(&lines(&[asked]));
            outcome.code(1).says(&format!("is also the mirror of {other}")).says("no images to delete");
            assert!(!mirror.list().exists(), "{way:?}");
        }
        // What else is asked for is listed.
        mirror.generate(&lines(&[&first, &format!("{}/a/b:v2", one.host())])).code(0).says("1 images listed");
        mirror.execute(&mirror.list()).code(0);
        assert_eq!(mirror.destination.tags("m/a/b"), ["v1"], "{way:?}");
        // Both together are one image, which nobody needs any more.
        mirror.generate(&lines(&[&first, &second])).code(0);
        mirror.execute(&mirror.list()).code(0);
        assert_eq!(mirror.destination.tags("m/a/b"), Vec::<String>::new(), "{way:?}");
    }
}

/// The second run puts another registry's image in the place of the first.
#[test]
fn an_image_that_took_the_name_is_not_deleted_with_the_one_that_had_it() {
    for way in [Way::ThroughDisk, Way::Direct] {
        let (one, two, mirror) = (registry(100), registry(200), Mirror::new(way));
        let (first, second) = (format!("{}/a/b:v1", one.host()), format!("{}/a/b:v1", two.host()));
        mirror.mirror(&lines(&[&first]));
        mirror.mirror(&lines(&[&second]));
        mirror.generate(&lines(&[&first])).code(1).says(&format!("is also the mirror of {second}"));
        // By a digest that the name does not have any more: that one goes, and the name stays.
        let pinned = format!("{first}@{}", image(100).digest);
        mirror.generate(&lines(&[&pinned])).code(0);
        mirror.execute(&mirror.list()).code(0);
        assert!(mirror.destination.manifest("m/a/b", &image(100).digest.to_string()).is_none());
        assert_eq!(mirror.destination.manifest("m/a/b", "v1").unwrap().digest, image(200).digest);
        mirror.generate(&lines(&[&second])).code(0);
        mirror.execute(&mirror.list()).code(0);
        assert!(mirror.destination.manifest("m/a/b", "v1").is_none());
    }
}

/// Of one source by two tags, with one name that the configuration gave both in turn.
#[test]
fn another_tag_of_one_source_is_another_image() {
    let (source, mirror) = (registry(100), Mirror::new(Way::Direct));
    let line = |tag: &str| format!("additionalImages:\n- name: {}/a/b:{tag}\n  targetTag: t\n", source.host());
    mirror.mirror(&line("v1"));
    mirror.mirror(&line("v2"));
    mirror.generate(&line("v1")).code(1).says("/a/b:v2");
    mirror.generate(&line("v2")).code(0);
}

/// A catalog is deleted by the pinned configuration of the run that mirrored it, and by a tag.
#[test]
fn a_catalog_is_the_same_by_tag_and_by_digest() {
    let (source, mirror) = (registry(100), Mirror::new(Way::Direct));
    let catalog = world(&source, &[]);
    let entry = |reference: &str| format!("operators:\n- catalog: {}/cat/index{reference}\n", source.host());
    mirror.mirror(&format!("{}  packages:\n  - name: foo\n", entry(":v1")));
    for reference in [":v1".to_owned(), format!("@{}\n  targetTag: v1", catalog.digest)] {
        mirror.generate(&entry(&reference)).code(0);
        let list = std::fs::read_to_string(mirror.list()).unwrap();
        assert!(list.contains(&format!("docker://{}/cat/index:v1", mirror.to())), "{list}");
    }
}

/// A list that somebody wrote by hand, or that another version made.
#[test]
fn nothing_but_releases_is_deleted_where_releases_are() {
    let mirror = Mirror::new(Way::Direct);
    let names = [
        "openshift/release-images:4.16.0-x86_64",
        "openshift/release:4.16.0-x86_64-etcd",
        "openshift/graph-image:latest",
    ];
    for (seed, name) in (500..).zip(names) {
        let (repository, tag) = name.split_once(':').unwrap();
        mirror.destination.push(&format!("m/{repository}"), tag, &image(seed));
    }
    for (name, kinds) in names.iter().zip([
        ["generic", "operatorBundle", "ocpReleaseContent"],
        ["operatorRelatedImage", "generic", "ocpRelease"],
        ["operatorCatalog", "generic", "somethingNew"],
    ]) {
        for kind in kinds {
            let text = format!(
                "kind: DeleteImageList\nitems:\n- {{imageName: a, imageReference: 'docker://{}/{name}', type: {kind}}}\n",
                mirror.to()
            );
            let list = mirror.home.write("list.yaml", text);
            mirror.execute(&list).code(1).says("0 / 1");
        }
    }
    assert_eq!(mirror.destination.repositories().len(), 3);
    let text = format!(
        "kind: DeleteImageList\nitems:\n- {{imageName: a, imageReference: 'docker://{}/{}', type: generic}}\n",
        mirror.to(),
        names[0]
    );
    let list = mirror.home.write("list.yaml", text);
    mirror.execute(&list).code(1).says("reserved for images of releases");
}
