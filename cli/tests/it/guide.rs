//! The guide's command blocks marked `run`, as they stand, in the order of its chapters: from an image set configuration of the
//! guide to a registry on loopback. Only hosts and folders are of the test.

use std::path::Path;
use std::process::Command;

use test_support::{ImageBuilder, Layer, OperatorWorld, Registry, Release, ReleaseSigner, UpdateService, update_graph};

use crate::harness::Home;

/// A block of a chapter.
#[derive(Debug)]
enum Block {
    /// A file, by the comment in its first line.
    File(String, String),
    /// Commands.
    Run(String),
}

/// The blocks of a chapter that the test has a use for.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match (kind, body.first().and_then(|first| first.strip_prefix("# "))) {
            ("console run", _) => {
                let commands = body.iter().map(|line| line.strip_prefix("$ ").unwrap_or(line));
                blocks.push(Block::Run(commands.collect::<Vec<_>>().join("\n")));
            }
            ("yaml", Some(name)) if name.ends_with("isc.yaml") || name.ends_with("disc.yaml") => {
                blocks.push(Block::File(name.to_owned(), body.join("\n") + "\n"));
            }
            _ => {}
        }
    }
    blocks
}

/// What the guide names, on loopback: the release, the catalog, the image.
struct Outside {
    source: Registry,
    service: UpdateService,
    /// Of the release.
    tag: String,
}

impl Outside {
    fn new(signer: &ReleaseSigner) -> Self {
        let (source, service) = (Registry::start_blocking(), UpdateService::start_blocking());
        let release = Release::new("4.20.1", 3, 3);
        release.push_to(&source);
        service.signature(release.digest(), 1, signer.sign(&release.identity()));
        service.graph("amd64", "stable-4.20", &update_graph([("4.20.1", release.by_digest())], []));
        let operators = OperatorWorld::new(source.host(), &[("web-terminal", &["1.9.0", "1.10.0"])]);
        operators.push_to(&source);
        source.push("redhat/redhat-operator-index", "v4.20", &operators.catalog.image);
        source.push("ubi9/ubi", "latest", &ImageBuilder::oci().layer(Layer::random(9, 10_000)).build());
        Self { source, service, tag: release.tag.clone() }
    }
}

#[test]
fn the_commands_of_the_guide_work_as_they_stand() {
    let signer = ReleaseSigner::new("release@guide");
    let (outside, destination) = (Outside::new(&signer), Registry::start_blocking());
    let home = Home::new();
    let key = home.write("key.asc", signer.public_key());
    let insecure = |host: &str| format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    let redirect = |public: &str| {
        let host = outside.source.host();
        format!("[[registry]]\nprefix = \"{public}\"\nlocation = \"{host}\"\ninsecure = true\n")
    };
    let redirects = insecure(destination.host())
        + &insecure(outside.source.host())
        + &redirect("registry.redhat.io")
        + &redirect("quay.io");
    let redirects = home.write("registries.conf", redirects);
    std::fs::create_dir_all(home.path().join("srv")).unwrap();
    let binaries = Path::new(env!("CARGO_BIN_EXE_oc-mirror")).parent().unwrap().display().to_string();

    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide");
    let summary = std::fs::read_to_string(guide.join("SUMMARY.md")).unwrap();
    let chapters = summary.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let mut ran = 0;
    for chapter in chapters {
        let text = std::fs::read_to_string(guide.join(chapter)).unwrap();
        for block in blocks(&text) {
            let here = |text: &str| {
                let srv = home.path().join("srv").display().to_string();
                text.replace("/srv/", &format!("{srv}/")).replace("reg.lan:5000", destination.host())
            };
            match block {
                Block::File(name, text) => drop(home.write(&name, here(&text))),
                Block::Run(commands) => {
                    let mut command = Command::new("bash");
                    command
                        .args(["-euo", "pipefail", "-c", &here(&commands)])
                        .current_dir(home.path())
                        .env_clear()
                        .env("HOME", home.path())
                        .env("TZ", "UTC")
                        .env("PATH", format!("{binaries}:/usr/local/bin:/usr/bin:/bin"))
                        .env("CONTAINERS_REGISTRIES_CONF", &redirects)
                        .env("OCP_SIGNATURE_VERIFICATION_PK", &key)
                        .env("OCP_SIGNATURE_URL", outside.service.signature_url())
                        .env("UPDATE_URL_OVERRIDE", outside.service.graph_url())
                        .stdin(std::process::Stdio::null());
                    let output = command.output().unwrap();
                    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{chapter}: {commands}\nended with {}:\n{said}", output.status);
                    ran += 1;
                }
            }
        }
    }
    assert!(ran >= 10, "only {ran} blocks were run");
    // The registry has what the chapters mirrored.
    assert!(destination.manifest("ocp/openshift/release-images", &outside.tag).is_some());
}
