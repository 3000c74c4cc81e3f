//! Plans that are not applied: an error that says why, and nothing done.

use std::fs::File;
use std::path::Path;

use test_support::{Image, Registry, World};

use super::path_of;
use crate::harness::Home;

/// The same as [`super::site`], where nobody has been asked yet.
fn site() -> (Registry, Registry, Home) {
    let (source, destination, home) = super::site();
    source.clear_requests();
    destination.clear_requests();
    (source, destination, home)
}

#[test]
fn a_plan_that_is_not_what_was_made_is_refused_before_anybody_is_asked() {
    let (source, destination, home) = site();
    let text = std::fs::read_to_string(path_of(&home, "plan.json")).unwrap();
    let later = text.replacen("\"format\": 2", "\"format\": 3", 1);
    let rows = [
        ("changed", text.replace("apps/single", "apps/evil"), "the id does not match: the plan says sha256:"),
        ("changed", text.replace("/m\"", "/other\""), "The file was changed after it was made"),
        ("later", later, "the plan has format 3; this oc-mirror reads format 2"),
        ("other", "{\"kind\": \"Pod\"}".to_owned(), "this is a Pod; expected a MirrorPlan"),
        ("text", "kind: MirrorPlan".to_owned(), "this is no plan: "),
        ("empty", String::new(), "this is no plan: "),
    ];
    for (name, text, expected) in rows {
        home.write(name, text);
        home.apply_to_mirror(name, &[]).code(1).says(expected);
        home.run(&["plan", "show", name]).code(1).says(expected);
        home.run(&["plan", "diff", name, "plan.json"]).code(2).says(expected);
        home.run(&["plan", "diff", "plan.json", name]).code(2).says(expected);
        home.run(&["plan", "show", name, "--html", "page.html"]).code(1).says(expected);
        home.run(&["plan", "sign", name, "--key", "no.key"]).code(1).says(expected);
        home.with_flags(&["plan", "push", name, &format!("docker://{}/plans:x", destination.host())])
            .code(1)
            .says(expected);
    }
    assert!(!path_of(&home, "page.html").exists() && !path_of(&home, "changed.sig").exists());
    home.apply_to_mirror("nowhere.json", &[]).code(1).says("cannot read the plan");
    let large = File::create(path_of(&home, "large")).unwrap();
    large.set_len(256 * 1024 * 1024 + 1).unwrap();
    home.run(&["plan", "show", "large"]).code(1).says("a plan may have 268435456 bytes (256 MiB)");
    home.apply_to_mirror("large", &[]).code(1).says("a plan may have 268435456 bytes (256 MiB)");
    assert_eq!((source.request_count(), destination.request_count()), (0, 0));
}

#[test]
fn a_plan_goes_where_it_was_made_for() {
    let (source, destination, home) = site();
    let own = format!("docker://{}/m", destination.host());
    for other in [format!("docker://{}/n", destination.host()), "docker://other.lan:5000/m".into(), "file:///m".into()]
    {
        home.apply_to_mirror("plan.json", &[&other])
            .code(1)
            .says(&format!("the plan is a plan for `{own}`, and not for `{other}`"));
    }
    let workspace = format!("file://{}", home.workspace().display());
    home.with_flags(&["apply", "plan.json"])
        .code(1)
        .says("mirror to mirror: --workspace file://DIR says where to work");
    let from = ["apply", "plan.json", "--workspace", &workspace, "--from", "file://disk"];
    home.with_flags(&from).code(1).says("mirror to mirror: leave --from out");
    assert_eq!((source.request_count(), destination.request_count()), (0, 0));
    home.apply_to_mirror("plan.json", &[&own]).code(0);
}

/// The other two workflows: a folder that is not the plan's, and a registry that is not the plan's.
#[test]
fn a_plan_of_each_workflow_goes_where_it_was_made_for() {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(44);
    world.push_to(&source);
    let home = Home::new();
    home.additional_images([format!("{}/apps/single:v1", source.host())]);
    let (disk, other) = (home.disk(), home.path().join("other"));
    let (disk, other) = (format!("file://{}", disk.display()), format!("file://{}", other.display()));
    home.plan_to_disk("m2d.json", &[]).code(0);
    home.to_disk(&[]).code(0);
    let there = format!("docker://{}/m", destination.host());
    home.with_flags(&["plan", "-c", "isc.yaml", "--from", &disk, &there, "--out", "d2m.json"]).code(0);
    source.clear_requests();
    destination.clear_requests();
    let elsewhere = format!("docker://{}/n", destination.host());
    let refused = |place: &str, typed: &str| format!("the plan is a plan for `{place}`, and not for `{typed}`");
    let rows: [(&[&str], String); 7] = [
        (&["m2d.json", &other], refused(&disk, &other)),
        (&["m2d.json", &there], refused(&disk, &there)),
        (&["m2d.json", "--workspace", &other], "mirror to disk: leave --from and --workspace out".to_owned()),
        (&["d2m.json", "--from", &disk, &elsewhere], refused(&there, &elsewhere)),
        (&["d2m.json", "--from", &disk, &disk], refused(&there, &disk)),
        (&["d2m.json"], "disk to mirror: --from file://DIR says where the archives are".to_owned()),
        (&["d2m.json", "--from", &other], "other".to_owned()),
    ];
    for (args, expected) in rows {
        home.with_flags(&[&["apply"][..], args].concat()).code(1).says(&expected);
    }
    assert_eq!((source.request_count(), destination.request_count()), (0, 0));
    home.with_flags(&["apply", "d2m.json", "--from", &disk, &there]).code(0);
    assert!(destination.manifest("m/apps/single", "v1").is_some());
}

#[test]
fn what_only_the_planning_machine_has_is_named() {
    let (source, destination, home) = site();
    let elsewhere = Home::new();
    elsewhere.write("plan.json", std::fs::read(path_of(&home, "plan.json")).unwrap());
    elsewhere
        .apply_to_mirror("plan.json", &[])
        .code(1)
        .says("the plan was made on another machine: ")
        .says("Apply the plan where it was made");
    assert_eq!(source.request_count(), 0);
    assert!(destination.repositories().is_empty());
}

/// Writes an image of one manifest as an image layout.
fn write_layout(folder: &Path, image: &Image) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for blob in image.all_blobs() {
        std::fs::write(blobs.join(blob.digest.hex()), &blob.bytes).unwrap();
    }
    std::fs::write(blobs.join(image.digest.hex()), &image.bytes).unwrap();
    let entry = serde_json::json!({"mediaType": image.media_type, "digest": image.digest, "size": image.bytes.len()});
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [entry]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

#[test]
fn local_sources_are_those_of_the_planning_machine() {
    let destination = Registry::start_blocking();
    let home = Home::new();
    let image = World::small(42).images.swap_remove(0).image;
    let layout = home.path().join("layout");
    write_layout(&layout, &image);
    home.additional_images([format!("oci://{}", layout.display())]);
    home.plan_to_mirror(destination.host(), "plan.json", &[]).code(0);
    std::fs::rename(&layout, home.path().join("away")).unwrap();
    destination.clear_requests();
    home.apply_to_mirror("plan.json", &[]).code(1).says("as it was on the machine that made the plan");
    write_layout(&layout, &World::small(43).images.swap_remove(0).image);
    home.apply_to_mirror("plan.json", &[]).code(1).says("as it was on the machine that made the plan").says(" here");
    assert!(destination.repositories().is_empty());
    std::fs::remove_dir_all(&layout).unwrap();
    std::fs::rename(home.path().join("away"), &layout).unwrap();
    home.apply_to_mirror("plan.json", &[]).code(0);
}

#[test]
fn a_plan_has_no_holes() {
    let (source, destination, home) = site();
    home.additional_images([format!("{}/apps/single:v1", source.host()), format!("{}/apps/none:v1", source.host())]);
    let before = std::fs::read(path_of(&home, "plan.json")).unwrap();
    home.plan_to_mirror(destination.host(), "plan.json", &["--retry-times=0"])
        .code(8)
        .says("no plan was made: 1 of 2 images could not be read");
    assert_eq!(std::fs::read(path_of(&home, "plan.json")).unwrap(), before);
    // A dry run writes what it knows, for reading only.
    home.mirror_to_mirror(destination.host(), &["--dry-run", "--retry-times=0"]).code(0);
    let written = home.workspace().join("working-dir/dry-run/plan.json");
    let written = written.to_str().unwrap();
    home.run(&["plan", "show", written]).code(0).says("for reading only");
    home.apply_to_mirror(written, &[]).code(1).says("the plan is for reading only: 1 of its images could not be read");
}
