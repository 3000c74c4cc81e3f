//! `delete`, both steps (`docs/behaviour/config-cli.md` 7).

mod signatures;

use std::path::PathBuf;

use test_support::{
    Effect, Fault, Image, ImageBuilder, IndexBuilder, Layer, OperatorWorld, Registry, When, WorldImage,
};

use crate::harness::{Home, Outcome};
use crate::operators::write_layout;

/// A destination with two mirrored images, and the home that mirrored them.
struct Mirrored {
    home: Home,
    source: Registry,
    destination: Registry,
    app: Image,
    list: Image,
}

impl Mirrored {
    fn new() -> Self {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let app = ImageBuilder::oci().layer(Layer::random(1, 20_000)).build();
        let list = IndexBuilder::oci().architectures(&["amd64", "arm64"], 20, 3_000).build();
        source.push("ns/app", "v1", &app);
        source.push("ns/list", "v2", &list);
        let home = Home::new();
        let mirrored = Self { home, source, destination, app, list };
        mirrored.home.additional_images(mirrored.names());
        mirrored.home.to_disk(&[]).code(0);
        mirrored.home.to_mirror(&mirrored.to(), &[]).code(0);
        mirrored
    }

    fn names(&self) -> [String; 2] {
        [format!("{}/ns/app:v1", self.source.host()), format!("{}/ns/list:v2", self.source.host())]
    }

    fn to(&self) -> String {
        format!("{}/m", self.destination.host())
    }

    fn write_disc(&self, names: &[String]) {
        let mut text =
            "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  additionalImages:\n"
                .to_owned();
        for name in names {
            text.push_str("  - name: ");
            text.push_str(name);
            text.push('\n');
        }
        self.home.write("disc.yaml", text);
    }

    fn generate(&self, more: &[&str]) -> Outcome {
        let (workspace, to) = (format!("file://{}", self.home.disk().display()), format!("docker://{}", self.to()));
        let mut args = vec!["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to];
        args.extend(more);
        self.home.run(&args)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.disk().join("working-dir/delete").join(name)
    }

    fn execute(&self, list: &str, more: &[&str]) -> Outcome {
        let (list, to) = (self.file(list).display().to_string(), format!("docker://{}", self.to()));
        let workspace = format!("file://{}", self.home.disk().display());
        let mut args = vec![
            "delete",
            "--delete-yaml-file",
            &list,
            "--workspace",
            &workspace,
            &to,
            "--dest-tls-verify=false",
            "--retry-delay=10ms",
            "--retry-times=1",
        ];
        args.extend(more);
        self.home.run(&args)
    }
}

#[test]
fn both_steps() {
    let world = Mirrored::new();
    world.write_disc(&world.names());
    let before = world.destination.request_count();
    world.generate(&[]).code(0).says("workflow mode: delete").says("2 images listed, nothing deleted");
    assert_eq!(world.destination.request_count(), before, "the first step asked the destination");
    let list = std::fs::read_to_string(world.file("delete-images.yaml")).unwrap();
    let expected = format!(
        "apiVersion: mirror.openshift.io/v2alpha1\nitems:\n\
         - imageName: {0}/ns/app:v1\n  imageReference: docker://{1}/ns/app:v1\n  type: generic\n\
         - imageName: {0}/ns/list:v2\n  imageReference: docker://{1}/ns/list:v2\n  type: generic\n\
         kind: DeleteImageList\n",
        world.source.host(),
        world.to()
    );
    assert_eq!(list.replace('"', ""), expected);
    let echo = std::fs::read_to_string(world.file("delete-imageset-config.yaml")).unwrap();
    assert!(echo.contains("kind: DeleteImageSetConfiguration"), "{echo}");
    assert_eq!(world.destination.manifest("m/ns/app", "v1").unwrap().digest, world.app.digest);

    world
        .execute("delete-images.yaml", &[])
        .code(0)
        .says("Reading delete file")
        .says("images to delete 2")
        .says("2 / 2 additional images deleted successfully")
        .says("garbage collect")
        .says("delete time     : ");
    assert!(world.destination.manifest("m/ns/app", "v1").is_none());
    assert!(world.destination.manifest("m/ns/list", "v2").is_none());

    // The cache is left alone.
    for tag in ["ns/app/_manifests/tags/v1", "ns/list/_manifests/tags/v2"] {
        assert!(world.home.cache().join("docker/registry/v2/repositories").join(tag).is_dir(), "{tag}");
    }

    // A list of which nothing is there any more is done, and one warning says so.
    let again = world.execute("delete-images.yaml", &[]);
    again.code(0).says("nothing to delete: no image of the list is at the destination any more");
    assert_eq!(again.complaints().lines().count(), 1, "{}", again.complaints());
}

/// What is kept and what is gone already take one line each, however many images that are.
#[test]
fn what_is_not_deleted_is_summed_up() {
    let world = Mirrored::new();
    let to = world.to();
    let entry =
        |name: &str| format!("- {{imageName: {name}, imageReference: 'docker://{to}/ns/{name}', type: generic}}\n");
    world.destination.tag("m/ns/app", "one", &world.app.digest);
    world.destination.tag("m/ns/app", "two", &world.app.digest);
    let names = ["app:v1", "app:one", "list:v2", "gone:v1", "gone:v2", "app:v7"];
    let text = format!("kind: DeleteImageList\nitems:\n{}", names.map(entry).concat());
    std::fs::create_dir_all(world.file("x").parent().unwrap()).unwrap();
    std::fs::write(world.file("list.yaml"), &text).unwrap();
    let outcome = world.execute("list.yaml", &[]);
    outcome
        .code(0)
        .says("1 / 3 additional images deleted successfully, 2 kept because something else uses them, 3 already gone");
    outcome.says(&format!("already gone: docker://{to}/ns/gone:v1, docker://{to}/ns/gone:v2, docker://{to}/ns/app:v7"));
    outcome.says("kept 2 images: ").says("m/ns/app:two, which the list does not name");
    assert_eq!(outcome.complaints().lines().count(), 1, "{}", outcome.complaints());
}

/// `delete: delete-id`.
#[test]
fn names_of_the_files() {
    let world = Mirrored::new();
    world.write_disc(&world.names());
    world.generate(&["--delete-id", "march"]).code(0);
    assert!(world.file("delete-images-march.yaml").is_file());
    assert!(world.file("delete-imageset-config-march.yaml").is_file());
    assert!(!world.file("delete-images.yaml").exists());
    assert!(!world.file("delete-imageset-config.yaml").exists());
}

#[test]
fn signatures_and_old_tags_are_listed_when_asked_for() {
    let world = Mirrored::new();
    let pinned = format!("{}/ns/app@{}", world.source.host(), world.app.digest);
    world.write_disc(&[world.names()[1].clone(), pinned]);
    world.generate(&["--delete-signatures", "--delete-v1-images"]).code(0);
    let list = std::fs::read_to_string(world.file("delete-images.yaml")).unwrap();
    assert!(list.contains(&format!("docker://{}/ns/list:{}.sig", world.to(), world.list.digest.as_tag())), "{list}");
    // Index, two instances, and the digest that the other image is pinned to: it is not in the cache under that name.
    assert_eq!(list.matches(".sig").count(), 2 * 4, "{list}");
    assert!(list.contains(&format!("docker://{}/ns/app:latest", world.to())), "{list}");
}

/// Images of operators that are named by digest had tags of their own in oc-mirror v1 (`docs/behaviour/config-cli.md`
/// 4.6): a hash of the name, or the start of the digest when the catalog lies in a folder. Everything else has the tag
/// it has now.
#[test]
fn old_tags_of_operators() {
    let fnv1a = |text: &str| {
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        format!("{:x}", text.bytes().fold(0x811c_9dc5, mix))
    };
    assert_eq!(fnv1a(&format!("quay.io/ns/img@sha256:{}", "1".repeat(64))), "59f3ce02");
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let (host, home) = (source.host(), Home::new());
    let operators = OperatorWorld::new(host, &[("foo", &["0.1.0"])]);
    operators.push_to(&source);
    write_layout(&home.path().join("srv/idx"), &operators.catalog.image);
    let check = |catalog: &str, tag_of: &dyn Fn(&WorldImage) -> String| {
        let operators_of = |indent: &str| {
            ["operators:", &format!("- catalog: {catalog}"), "  packages:", "  - name: foo"]
                .map(|line| format!("{indent}{line}\n"))
                .concat()
        };
        home.configuration(&operators_of(""));
        home.to_disk(&["--since", "2015-01-01"]).code(0);
        home.write("disc.yaml", format!("kind: DeleteImageSetConfiguration\ndelete:\n{}", operators_of("  ")));
        let to = format!("docker://{}/m", destination.host());
        let workspace = format!("file://{}", home.disk().display());
        let args = ["delete", "--generate", "--delete-v1-images", "-c", "disc.yaml", "--workspace", &workspace, &to];
        home.run(&args).code(0);
        let list = home.disk().join("working-dir/delete/delete-images.yaml");
        let text = std::fs::read_to_string(&list).unwrap();
        let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  imageReference: ")).collect();
        names.sort_unstable();
        let mut expected = Vec::new();
        for image in &operators.images {
            let tag = image.tag.clone().unwrap_or_else(|| tag_of(image));
            expected.push(format!("{to}/{}:{tag}", image.repository));
            destination.push(&format!("m/{}", image.repository), tag.as_str(), &image.image);
        }
        expected.sort();
        assert_eq!(names, expected, "{catalog}");
        home.run(&["delete", "--delete-yaml-file", &list.display().to_string(), &to, "--dest-tls-verify=false"])
            .code(0)
            .says("3 / 3 operator images deleted successfully");
        for image in &operators.images {
            assert!(destination.tags(&format!("m/{}", image.repository)).is_empty(), "{catalog}");
        }
    };
    check(&format!("{host}/cat/index:v1"), &|image| fnv1a(&image.reference(host)));
    check(&format!("oci://{}/srv/idx", home.path().display()), &|image| image.digest().hex()[..6].to_owned());
}

#[test]
fn what_others_use_is_kept_and_named() {
    let world = Mirrored::new();
    world.write_disc(&world.names());
    world.generate(&[]).code(0);
    // Another tag of the same manifest, which is not on the list.
    world.destination.tag("m/ns/app", "also", &world.app.digest);
    world
        .execute("delete-images.yaml", &[])
        .code(0)
        .says("is also used by")
        .says("m/ns/app:also")
        .says("1 kept because something else uses them");
    assert_eq!(world.destination.manifest("m/ns/app", "v1").unwrap().digest, world.app.digest);
    assert!(world.destination.manifest("m/ns/list", "v2").is_none());
}

/// A list may say which images outside of it need one: it stays, whole and signed, as long as one of them is there.
#[test]
fn what_images_outside_the_list_need_is_kept() {
    let world = Mirrored::new();
    let to = world.to();
    let signature = ImageBuilder::oci().layer(Layer::random(9, 100)).build();
    let instance = world.list.children[0].digest.as_tag();
    world.destination.push("m/ns/list", format!("{instance}.sig").as_str(), &signature);
    let text = format!(
        "kind: DeleteImageList\nitems:\n\
         - {{imageName: l, imageReference: 'docker://{to}/ns/list:v2', type: operatorRelatedImage, \
         neededBy: ['docker://{to}/ns/gone:v1', 'docker://{to}/ns/app:v1', 'docker://elsewhere.invalid/x:1']}}\n\
         - {{imageName: s, imageReference: 'docker://{to}/ns/list:{instance}.sig', type: operatorRelatedImage}}\n"
    );
    std::fs::create_dir_all(world.file("x").parent().unwrap()).unwrap();
    std::fs::write(world.file("list.yaml"), &text).unwrap();
    world
        .execute("list.yaml", &[])
        .code(0)
        .says("ns/app:v1, which the list does not name")
        .says("0 / 2 operator images deleted successfully, 2 kept because something else uses them");
    assert!(world.destination.manifest("m/ns/list", "v2").is_some());

    // Whether it is there must be known.
    let question = When::any().repository("m/ns/app");
    let fault = world.destination.fault(Fault::new(question, Effect::status(500)));
    world.execute("list.yaml", &[]).code(1).says("kept, because it is not known whether");
    drop(fault);
    world.destination.clear_faults();

    // Nothing needs it any more when that goes too.
    let app = format!("- {{imageName: a, imageReference: 'docker://{to}/ns/app:v1', type: operatorBundle}}\n");
    std::fs::write(world.file("list.yaml"), text + &app).unwrap();
    world.execute("list.yaml", &[]).code(0).says("3 / 3 operator images deleted successfully");
    assert!(world.destination.manifest("m/ns/list", "v2").is_none());
}

#[test]
fn two_tags_of_one_manifest_go_together() {
    let world = Mirrored::new();
    let names = [world.names()[0].clone(), format!("{}/ns/app:v1-too", world.source.host())];
    world.destination.tag("m/ns/app", "v1-too", &world.app.digest);
    world.write_disc(&names);
    world.generate(&[]).code(0);
    world.execute("delete-images.yaml", &[]).code(0).says("2 / 2 additional images deleted successfully");
    assert!(world.destination.manifest("m/ns/app", "v1").is_none());
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let world = Mirrored::new();
    world.write_disc(&world.names());
    world.generate(&[]).code(0);
    world.destination.fault(Fault::new(When::any().method("DELETE").repository("m/ns/app"), Effect::status(500)));
    let found = world.execute("delete-images.yaml", &["--output=json"]);
    found.code(1);
    assert!(world.destination.manifest("m/ns/list", "v2").is_none());
    assert!(world.destination.manifest("m/ns/app", "v1").is_some());
    let start = found.stdout.find("{\n").unwrap();
    let report: serde_json::Value = serde_json::from_str(&found.stdout[start..]).unwrap();
    assert_eq!(report["items"][0]["outcome"], "failed");
    assert_eq!(report["items"][0]["error"]["retryCanHelp"], true);
    assert_eq!(report["items"][1]["outcome"], "deleted");
}

/// go-containerregistry's registry answers as if the image were gone, and serves it by its tag as before.
#[test]
fn a_tag_that_outlives_its_manifest_is_deleted_too() {
    let world = Mirrored::new();
    world.write_disc(&world.names()[..1]);
    world.generate(&[]).code(0);
    let by_digest = When::any().method("DELETE").repository("m/ns/app").reference(&world.app.digest.to_string());
    world.destination.fault(Fault::new(by_digest, Effect::status(202)));
    world.execute("delete-images.yaml", &[]).code(0).says("1 / 1 additional images deleted successfully");
    assert!(world.destination.manifest("m/ns/app", "v1").is_none());
}

#[test]
fn a_tag_that_cannot_be_deleted_is_an_error() {
    let world = Mirrored::new();
    world.write_disc(&world.names()[..1]);
    world.generate(&[]).code(0);
    world.destination.fault(Fault::new(When::any().method("DELETE"), Effect::status(202)));
    world
        .execute("delete-images.yaml", &[])
        .code(1)
        .says(&format!("and still serves it as `{}/m/ns/app:v1`", world.destination.host()))
        .says("delete this tag with the registry's own tools");
}

#[test]
fn a_registry_that_does_not_delete_says_how_to_enable_it() {
    let world = Mirrored::new();
    world.write_disc(&world.names()[..1]);
    world.generate(&[]).code(0);
    world.destination.fault(Fault::new(When::any().method("DELETE"), Effect::status(405)));
    world
        .execute("delete-images.yaml", &[])
        .code(1)
        .says("does not allow deleting")
        .says("REGISTRY_STORAGE_DELETE_ENABLED=true");
}

#[test]
fn nothing_outside_the_destination_is_deleted() {
    let world = Mirrored::new();
    let text = format!(
        "kind: DeleteImageList\nitems:\n\
         - {{imageName: a, imageReference: 'docker://{0}/other/app:v1', type: generic}}\n\
         - {{imageName: b, imageReference: 'docker://{0}/m/ns/app:v1', type: ocpRelease}}\n",
        world.destination.host()
    );
    std::fs::create_dir_all(world.file("x").parent().unwrap()).unwrap();
    std::fs::write(world.file("list.yaml"), text).unwrap();
    world.execute("list.yaml", &[]).code(1).says("does not match imageReference");
    assert!(world.destination.manifest("m/ns/app", "v1").is_some());
}

/// What registries.conf blocks is not asked, and keeps what it has; the rest of the list goes.
#[test]
fn nothing_is_deleted_where_it_is_blocked() {
    let mirrored = Mirrored::new();
    mirrored.write_disc(&mirrored.names());
    mirrored.generate(&[]).code(0);
    let blocked = format!("[[registry]]\nlocation = \"{}/ns/app\"\nblocked = true\n", mirrored.to());
    let conf = mirrored.home.write(".config/containers/registries.conf", blocked);
    mirrored.destination.clear_requests();
    mirrored.execute("delete-images.yaml", &[]).code(1).says("is blocked in").says(&conf.display().to_string());
    let asked = mirrored.destination.requests();
    assert!(asked.iter().all(|request| !request.path.contains("/ns/app/")), "{asked:?}");
    assert!(mirrored.destination.manifest("m/ns/app", "v1").is_some());
    assert!(mirrored.destination.manifest("m/ns/list", "v2").is_none());
}

/// `delete: force-cache-delete`: what is not on the list stays.
#[test]
fn the_cache_is_cleaned_when_asked_for() {
    let world = Mirrored::new();
    world.write_disc(&world.names()[..1]);
    world.generate(&["--force-cache-delete"]).code(0).says("has no effect with --generate");
    let tag = world.home.cache().join("docker/registry/v2/repositories/ns/app/_manifests/tags/v1");
    let kept = world.home.cache().join("docker/registry/v2/repositories/ns/list/_manifests/tags/v2");
    assert!(tag.exists());
    world.execute("delete-images.yaml", &["--force-cache-delete", "true"]).code(0).says("freed in the cache");
    assert!(!tag.exists());
    assert!(kept.exists());
}

#[test]
fn configurations_and_lists_that_do_not_work() {
    let world = Mirrored::new();
    world.execute("nowhere.yaml", &[]).code(1).says("file not found");
    world.home.additional_images(world.names());
    std::fs::copy(world.home.path().join("isc.yaml"), world.home.path().join("disc.yaml")).unwrap();
    world.generate(&[]).code(1).says("ImageSetConfiguration");
    world.home.write("disc.yaml", "kind: DeleteImageSetConfiguration\ndelete: {}\n");
    world.generate(&[]).code(1).says("no images to delete");
    assert!(!world.file("delete-images.yaml").exists());
}

/// What cannot be collected does not keep the rest from being listed, and the exit code says that something is missing.
#[test]
fn a_list_that_may_not_be_complete() {
    let world = Mirrored::new();
    world.home.write(
        "disc.yaml",
        format!(
            "kind: DeleteImageSetConfiguration\ndelete:\n  platform:\n    channels:\n    - name: stable-4.99\n  \
             additionalImages:\n  - name: {}\n",
            world.names()[0]
        ),
    );
    let found = world.generate(&["--output=json"]);
    found.code(1).says("the list of images to delete might not be complete").says("graph data found on disk");
    let report: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!((&report["exitCode"], &report["items"][0]["outcome"]), (&1.into(), &"listed".into()));
    let list = std::fs::read_to_string(world.file("delete-images.yaml")).unwrap();
    assert_eq!(list.matches("imageReference").count(), 1, "{list}");
    // The default architecture stands in the configuration that is written beside it.
    let written = std::fs::read_to_string(world.file("delete-imageset-config.yaml")).unwrap();
    assert!(written.contains("- amd64"), "{written}");
}

/// A chart that is not there: the other images are listed, and the exit code says that something is missing.
#[test]
fn a_lost_chart_is_no_reason_to_list_nothing() {
    let world = Mirrored::new();
    let text = "kind: DeleteImageSetConfiguration\ndelete:\n  helm:\n    local:\n    - name: l\n      path: ./l\n";
    world.home.write("disc.yaml", text);
    world.generate(&[]).code(1).says("stat ./l: no such file or directory");
    assert!(!world.file("delete-images.yaml").exists());
    world.home.write("disc.yaml", format!("{text}  additionalImages:\n  - name: {}\n", world.names()[0]));
    world.generate(&[]).code(1).says("stat ./l: no such file or directory").says("might not be complete");
    let list = std::fs::read_to_string(world.file("delete-images.yaml")).unwrap();
    assert_eq!(list.matches("imageReference").count(), 1, "{list}");
}

/// Without a workspace the logs lie where the program was called; a second run does not overwrite the first log.
#[test]
fn logs_without_a_workspace() {
    let world = Mirrored::new();
    world.write_disc(&world.names());
    world.generate(&[]).code(0);
    let (list, to) = (world.file("delete-images.yaml").display().to_string(), format!("docker://{}", world.to()));
    world.home.run(&["delete", "--delete-yaml-file", &list, &to, "--dest-tls-verify=false"]).code(0);
    let names: Vec<String> = world.home.files().into_iter().filter(|name| name.starts_with("logs/")).collect();
    let [name, document] = &names[..] else { panic!("{names:?}") };
    assert_eq!(
        [name, document].map(|name| world.home.steady(name)),
        ["logs/oc-mirror-TIME.log", "logs/result_TIME.json"]
    );
    let text = std::fs::read_to_string(world.home.path().join(name)).unwrap();
    assert!(text.contains("2 / 2 additional images deleted successfully"), "{text}");
}

/// An entry without packages means everything that was mirrored of the catalog, by whatever runs in whatever order.
#[test]
fn all_that_was_mirrored_of_a_catalog() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let host = source.host();
    let operators = OperatorWorld::new(host, &[("foo", &["0.1.0", "0.2.0", "0.3.0"]), ("bar", &["1.0.0", "1.1.0"])]);
    operators.push_to(&source);
    // Another catalog with some of the bundles.
    let other = OperatorWorld::new(host, &[("bar", &["1.0.0", "1.1.0"]), ("baz", &["2.0.0"])]);
    other.images.iter().for_each(|found| source.push(&found.repository, found.tag.as_deref(), &found.image));
    source.push("cat/other", "v1", &other.catalog.image);
    let to = format!("{}/m", destination.host());
    let list = |home: &Home, body: &str| {
        home.write(
            "disc.yaml",
            format!(
                "kind: DeleteImageSetConfiguration\ndelete:\n  operators:\n  - catalog: {host}/cat/index:v1\n{body}"
            ),
        );
        let (workspace, to) = (format!("file://{}", home.workspace().display()), format!("docker://{to}"));
        let found = home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]);
        let text = std::fs::read_to_string(home.workspace().join("working-dir/delete/delete-images.yaml")).unwrap();
        let prefix = format!("  imageReference: {to}/");
        let mut names: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect();
        names.sort();
        (found, names)
    };
    let names = |versions: &[(&str, &str)], catalog: bool| {
        let mut names = vec![format!("ns/shared:{}", operators.images.last().unwrap().digest().as_tag())];
        for (package, version) in versions {
            names.push(format!("ns/{package}-bundle:{version}"));
            names.push(format!("ns/{package}:{}", OperatorWorld::operand(package, version).digest().as_tag()));
        }
        names.extend(catalog.then(|| "cat/index:v1".to_owned()));
        names.sort();
        names
    };
    let all = [("foo", "0.1.0"), ("foo", "0.2.0"), ("foo", "0.3.0"), ("bar", "1.0.0"), ("bar", "1.1.0")];
    let entry = |name: &str, body: &str| format!("- catalog: {host}/cat/{name}:v1\n{body}");
    let (whole, part) = ("  full: true\n", "  packages:\n  - name: foo\n");
    let mirrored = |runs: &[String]| {
        let home = Home::new();
        for run in runs {
            home.configuration(&format!("operators:\n{run}"));
            home.mirror_to_mirror(&to, &[]).code(0);
        }
        home
    };
    let check = |runs: &[String], expected: &[(&str, &str)]| {
        let home = mirrored(runs);
        for body in ["", "    full: true\n"] {
            let (found, listed) = list(&home, body);
            found.code(0);
            assert_eq!(listed, names(expected, true), "{runs:?} {body}");
        }
    };
    check(&[entry("index", whole)], &all);
    check(&[entry("index", part)], &[("foo", "0.3.0")]);
    check(&[entry("index", part), entry("index", whole)], &all);
    check(&[entry("index", whole), entry("index", part)], &all);
    check(&[entry("index", whole) + &entry("other", whole)], &all);
    check(&[entry("other", whole), entry("index", part)], &[("foo", "0.3.0")]);

    // What older versions mirrored is written down nowhere. `full: true` says it.
    let home = mirrored(&[entry("index", whole)]);
    std::fs::remove_file(folder_of(&home).join(operators.catalog.digest().hex()).join("whole")).unwrap();
    let (found, listed) = list(&home, "");
    found.code(0).says("this workspace does not say what was mirrored of it").says("The catalog itself is not listed");
    assert_eq!(listed, names(&[("foo", "0.3.0"), ("bar", "1.1.0")], false));
    assert_eq!(list(&home, "    full: true\n").1, names(&all, true));

    // A version that the cache has lost: what is known is listed, the catalog is not.
    let home = mirrored(&[entry("index", whole)]);
    let lost = "0".repeat(64);
    std::fs::create_dir(folder_of(&home).join(&lost)).unwrap();
    std::fs::write(folder_of(&home).join(&lost).join("whole"), "").unwrap();
    let revisions = home.cache().join("docker/registry/v2/repositories/cat/index/_manifests/revisions/sha256");
    std::fs::create_dir(revisions.join(&lost)).unwrap();
    std::fs::write(revisions.join(&lost).join("link"), format!("sha256:{lost}")).unwrap();
    let (found, listed) = list(&home, "");
    found
        .code(0)
        .says(&format!("all of its version sha256:{lost} was mirrored, and that version cannot be read any more"));
    assert_eq!(listed, names(&all, false));
}

/// What another catalog of the destination holds stays, and goes with the last of them. Two tags of one repository are two
/// catalogs.
#[test]
fn what_another_catalog_holds_is_kept() {
    type Runs<'a> = &'a [&'a str];
    let check = |second: &str, runs: Runs<'_>, flags: &[&str], expected: &[&str], listed: usize| {
        let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
        let host = source.host();
        let one = OperatorWorld::new(host, &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0", "1.1.0"])]);
        one.push_to(&source);
        let other = OperatorWorld::new(host, &[("bar", &["1.0.0", "1.1.0"]), ("baz", &["2.0.0"])]);
        other.images.iter().for_each(|found| source.push(&found.repository, found.tag.as_deref(), &found.image));
        let (repository, tag) = second.split_once(':').unwrap();
        source.push(repository, tag, &other.catalog.image);
        let (home, to) = (Home::new(), format!("{}/m", destination.host()));
        for run in runs {
            home.configuration(&format!("operators:\n{}", run.replace("HOST", host).replace("OTHER", second)));
            home.mirror_to_mirror(&to, &[]).code(0);
        }
        let (workspace, place) = (format!("file://{}", home.workspace().display()), format!("docker://{to}"));
        let file = home.workspace().join("working-dir/delete/delete-images.yaml");
        let delete = |catalog: &str| {
            let text =
                format!("kind: DeleteImageSetConfiguration\ndelete:\n  operators:\n  - catalog: {host}/{catalog}\n");
            home.write("disc.yaml", text);
            let step = ["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &place];
            home.run(&[&step, flags].concat()).code(0);
            let list = std::fs::read_to_string(&file).unwrap();
            let found =
                home.run(&["delete", "--delete-yaml-file", file.to_str().unwrap(), &place, "--dest-tls-verify=false"]);
            (list, found)
        };
        let bundles = || {
            let mut found = Vec::new();
            for package in ["foo", "bar", "baz"] {
                let tags = destination.tags(&format!("m/ns/{package}-bundle"));
                found.extend(tags.into_iter().map(|tag| format!("{package} {tag}")));
                // Each bundle with the image that it needs.
                assert_eq!(
                    destination.tags(&format!("m/ns/{package}")).len(),
                    found.iter().filter(|name| name.starts_with(package)).count()
                );
            }
            found
        };

        let (list, found) = delete("cat/index:v1");
        found.code(0);
        let what = format!("{second} {runs:?}\n{list}\n{found:?}");
        assert_eq!(list.matches("imageReference").count(), listed, "{what}");
        assert_eq!(bundles(), expected, "{what}");
        assert!(destination.manifest("m/cat/index", "v1").is_none(), "{what}");
        assert!(destination.manifest(&format!("m/{repository}"), tag).is_some(), "{what}");
        if expected.len() > 1 {
            found.says(&format!("m/{second}@sha256:")).says("kept because something else uses them");
        }
        // Nothing holds them any more.
        delete(second).1.code(0);
        assert_eq!(bundles(), Vec::<String>::new(), "{what}");
    };
    let whole = "- catalog: HOST/cat/index:v1\n  full: true\n- catalog: HOST/OTHER\n  full: true\n";
    let part = "- catalog: HOST/cat/index:v1\n  packages: [{name: foo}, {name: bar, minVersion: 1.0.0}]\n\
                - catalog: HOST/OTHER\n  packages: [{name: bar}]\n";
    let full_then_part = "- catalog: HOST/cat/index:v1\n  packages: [{name: foo}]\n";
    for second in ["cat/other:v1", "cat/index:v2"] {
        // Four bundles, the four images of their own, the shared one and the catalog.
        check(second, &[whole], &[], &["bar 1.0.0", "bar 1.1.0", "baz 2.0.0"], 10);
        check(second, &[part], &[], &["bar 1.1.0"], 8);
        check(second, &[whole, full_then_part], &[], &["bar 1.0.0", "bar 1.1.0", "baz 2.0.0"], 10);
    }
    // With the signatures that there may be, of the images that are pinned.
    check("cat/other:v1", &[whole], &["--delete-signatures"], &["bar 1.0.0", "bar 1.1.0", "baz 2.0.0"], 18);
}

/// Where the versions of the catalog are noted.
fn folder_of(home: &Home) -> PathBuf {
    home.workspace().join("working-dir/operator-catalogs/index")
}

/// Inside the gap there is neither the source nor a layer of the catalog; what was mirrored of it is known.
#[test]
fn operators_where_the_catalog_cannot_be_read_any_more() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let operators =
        OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0", "0.3.0"]), ("bar", &["1.0.0", "1.1.0"])]);
    operators.push_to(&source);
    let home = Home::new();
    let catalog = operators.catalog.reference(source.host());
    home.configuration(&format!(
        "operators:\n- catalog: {catalog}\n  packages:\n  - name: foo\n    minVersion: 0.2.0\n  - name: bar\n"
    ));
    home.to_disk(&[]).code(0);
    std::fs::remove_dir_all(home.cache()).unwrap();
    drop(source);
    let to = format!("{}/m", destination.host());
    home.to_mirror(&to, &[]).code(0).says("8 / 8 operator images mirrored successfully");
    let list = |packages: &str| {
        let text =
            format!("kind: DeleteImageSetConfiguration\ndelete:\n  operators:\n  - catalog: {catalog}\n{packages}");
        home.write("disc.yaml", text);
        let (workspace, to) = (format!("file://{}", home.disk().display()), format!("docker://{to}"));
        let found = home.run(&["delete", "--generate", "-c", "disc.yaml", "--workspace", &workspace, &to]);
        let text = std::fs::read_to_string(home.disk().join("working-dir/delete/delete-images.yaml")).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("  imageReference: "));
        let prefix = format!("{to}/");
        let names: Vec<String> = names.map(|name| name.replacen(&prefix, "", 1)).collect();
        (found, text, names)
    };
    let by_digest = |package: &str, version: &str| {
        let operand = OperatorWorld::operand(package, version);
        format!("{}:{}", operand.repository, operand.digest().as_tag())
    };
    let shared = format!("ns/shared:{}", operators.images.last().unwrap().digest().as_tag());

    let (found, text, names) = list("    packages:\n    - name: foo\n      minVersion: 0.3.0\n");
    found.code(0).says("selected from what was mirrored of it");
    assert_eq!(names, ["ns/foo-bundle:0.3.0", &by_digest("foo", "0.3.0"), &shared]);
    assert!(text.contains(&format!("  - docker://{to}/ns/bar-bundle:1.1.0\n")), "{text}");
    assert!(text.contains(&format!("  - docker://{to}/ns/foo-bundle:0.2.0\n")), "{text}");
    assert!(!text.contains("- docker://{to}/ns/foo-bundle:0.3.0"), "{text}");

    let (found, _, _) = list("    packages:\n    - name: foo\n      minVersion: 0.1.0\n      maxVersion: 0.1.0\n");
    found.code(1).says("catalog");

    // The catalog alone means all that was mirrored of it, itself included.
    let (found, text, names) = list("");
    found.code(0);
    let mut expected = vec![
        "cat/index:v1".to_owned(),
        "ns/bar-bundle:1.1.0".to_owned(),
        by_digest("bar", "1.1.0"),
        "ns/foo-bundle:0.2.0".to_owned(),
        "ns/foo-bundle:0.3.0".to_owned(),
        by_digest("foo", "0.2.0"),
        by_digest("foo", "0.3.0"),
        shared,
    ];
    expected.sort();
    assert_eq!(names, expected);
    assert!(!text.contains("neededBy"), "{text}");
    let (file, to) = (home.disk().join("working-dir/delete/delete-images.yaml"), format!("docker://{to}"));
    let file = file.display().to_string();
    home.run(&["delete", "--delete-yaml-file", &file, &to, "--dest-tls-verify=false"])
        .code(0)
        .says("8 / 8 operator images deleted successfully");
    assert!(destination.manifest("m/cat/index", "v1").is_none());
}
