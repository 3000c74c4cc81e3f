//! `cargo xtask peers`: the workflows against registries that others wrote, read back by clients that others wrote.
//!
//! The peers come as source from Go's module proxy. Without Go the command says so and ends well: it is no part of the gate.
//! What the last run printed stands in `docs/compatibility.md`.

mod catalog;
mod install;
mod server;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use test_support::{OperatorWorld, ReleaseSigner};

use self::catalog::Catalog;
use self::install::Peers;
use self::server::Server;
use crate::outside::{self, Outside};
use crate::process::{self, on_path, say};
use crate::tool::{self, Tool};

/// What one workflow came to at one registry.
struct Row {
    workflow: &'static str,
    outcome: String,
}

/// Installs the peers and runs everything; fails when a peer finds a fault. Each of the `catalogs` is a folder with a folder for
/// each package: the caches of their default selections are judged too.
pub(crate) fn run(catalogs: &[&str]) -> anyhow::Result<()> {
    if !on_path("go") {
        say("peers: skipped, because `go` is not on PATH; install Go to run the peers");
        return Ok(());
    }
    let peers = Peers::install()?;
    let binary = tool::build(false)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let signer = ReleaseSigner::new("release@peers");
    let outside = Outside::new(&signer);
    let key = folder.path().join("key.asc");
    fs::write(&key, signer.public_key())?;
    let world = World { outside, binary, key, folder: folder.path().to_owned(), peers };
    world.mirror_to_disk()?;
    say("| registry | workflow | outcome |\n|---|---|---|");
    for server in [Server::distribution(&world.peers, &world.folder)?, Server::crane(&world.peers, &world.folder)?] {
        for row in world.at(&server)? {
            say(&format!("| {} | {} | {} |", server.name(), row.workflow, row.outcome));
        }
    }
    for catalog in catalogs {
        say(&format!("| - | caches of {catalog} | {} |", world.judged(Path::new(catalog))?));
    }
    Ok(())
}

/// The world, and what acts in it.
struct World {
    outside: Outside,
    binary: std::path::PathBuf,
    key: std::path::PathBuf,
    folder: std::path::PathBuf,
    peers: Peers,
}

impl World {
    fn configuration(&self) -> std::path::PathBuf {
        self.folder.join("isc.yaml")
    }

    fn disk(&self) -> String {
        format!("file://{}", self.folder.join("disk").display())
    }

    /// A machine with a home of its own.
    fn machine(&self, name: &str) -> anyhow::Result<Tool> {
        let tool = Tool::new(&self.binary, &self.folder.join(name))?;
        self.outside.lead_there(tool.home())?;
        Ok(tool)
    }

    /// Runs the tool to its end; its exit code and its output.
    fn run(&self, machine: &Tool, arguments: &[&str]) -> anyhow::Result<(i32, String)> {
        let mut command = machine.command(arguments);
        self.outside.settle(&mut command, &self.key);
        let output = command.output().context("cannot start oc-mirror")?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok((output.status.code().unwrap_or(-1), text))
    }

    fn must(&self, machine: &Tool, arguments: &[&str]) -> anyhow::Result<()> {
        let (code, text) = self.run(machine, arguments)?;
        ensure!(code == 0, "`oc-mirror {}` ended with {code}:\n{text}", arguments.join(" "));
        Ok(())
    }

    fn mirror_to_disk(&self) -> anyhow::Result<()> {
        fs::write(self.configuration(), self.outside.configuration())?;
        let (isc, disk) = (self.configuration().display().to_string(), self.disk());
        self.must(&self.machine("connected")?, &["-c", &isc, &disk, "--src-tls-verify=false"])
    }

    /// Every workflow at one registry.
    fn at(&self, server: &Server) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        let (isc, disk) = (self.configuration().display().to_string(), self.disk());
        let (from_disk, straight) =
            (format!("docker://{}/disk", server.host()), format!("docker://{}/straight", server.host()));
        let enclave = self.machine(&format!("enclave-{}", server.port()))?;
        let load = ["-c", isc.as_str(), "--from", disk.as_str(), from_disk.as_str(), "--dest-tls-verify=false"];
        self.must(&enclave, &load)?;
        rows.push(Row { workflow: "disk to mirror", outcome: self.read_back(server, "disk")? });
        self.must(&enclave, &load)?;
        rows.push(Row { workflow: "disk to mirror again", outcome: "succeeds".to_owned() });
        let machine = self.machine(&format!("straight-{}", server.port()))?;
        let workspace = format!("file://{}", machine.home().join("workspace").display());
        let flags = ["--workspace", workspace.as_str(), "--src-tls-verify=false", "--dest-tls-verify=false"];
        self.must(&machine, &[&["-c", isc.as_str(), straight.as_str()], flags.as_slice()].concat())?;
        rows.push(Row { workflow: "mirror to mirror", outcome: self.read_back(server, "straight")? });
        rows.push(Row { workflow: "the rebuilt catalog, served", outcome: self.served(server)? });
        rows.push(Row { workflow: "rebuilt catalogs with other commands", outcome: self.commands(server)? });
        rows.push(Row { workflow: "delete", outcome: self.delete(&machine, server, &workspace, &straight)? });
        Ok(rows)
    }

    /// Lets `crane` and `regctl` read what was pushed; both must give the digest of the source.
    fn read_back(&self, server: &Server, namespace: &str) -> anyhow::Result<String> {
        let expected = self.outside.expected();
        let mut validated = 0;
        for (repository, tag, digest) in &expected {
            let name = format!("{}/{namespace}/{repository}:{tag}", server.host());
            let found = said(self.peers.crane().args(["digest", "--insecure", &name]))?;
            ensure!(found.trim() == digest, "crane: {name} is {found}, expected {digest}");
            // Each instance of a list, with every layer. crane unpacks the layers, and knows gzip only.
            if !said(self.peers.crane().args(["manifest", "--insecure", &name]))?.contains("+zstd") {
                said(self.peers.crane().args(["validate", "--insecure", "--remote", &name]))?;
                validated += 1;
            }
            let found = said(self.peers.regctl(server.host())?.args(["image", "digest", &name]))?;
            ensure!(found.trim() == digest, "regctl: {name} is {found}, expected {digest}");
            // Copying compares the digest of everything that the image names.
            let copy = format!("ocidir://{}", self.folder.join("copies").join(repository).display());
            said(self.peers.regctl(server.host())?.args(["image", "copy", &name, &format!("{copy}:{tag}")]))?;
        }
        let images = expected.len();
        Ok(format!("`regctl image copy` reads {images} images whole, `crane validate` {validated} of them"))
    }

    /// Lets `opm` check and serve the catalog that was rebuilt.
    fn served(&self, server: &Server) -> anyhow::Result<String> {
        let bundles = self.start(server, "straight/cat/index:v1")?;
        Ok(format!(
            "`opm validate` passes, the judge accepts the cache, `opm serve` lists the {bundles} selected bundles"
        ))
    }

    /// A catalog of the registry: validated, its cache judged, served with the command of the image. The number of bundles,
    /// which must be those of the selection.
    fn start(&self, server: &Server, name: &str) -> anyhow::Result<usize> {
        let folder = self.folder.join(format!("catalog-{}", server.port()));
        let catalog = Catalog::unpack(&self.peers, &format!("{}/{name}", server.host()), &folder)?;
        catalog.validate(&self.peers)?;
        let judged = catalog.judge(&self.peers).with_context(|| name.to_owned())?;
        let bundles = catalog.serve(&self.peers).with_context(|| name.to_owned())?;
        let mut wanted: Vec<String> =
            outside::SELECTED.iter().map(|(package, version)| format!("{package}.v{version}")).collect();
        wanted.sort();
        ensure!(bundles == wanted, "{name}: opm serves {bundles:?}, expected {wanted:?}");
        ensure!(judged == wanted.len(), "{name}: the judge counts {judged} bundles, expected {}", wanted.len());
        Ok(bundles.len())
    }

    /// Catalogs whose images start `opm` in other ways, all mirrored in one run.
    fn commands(&self, server: &Server) -> anyhow::Result<String> {
        let host = self.outside.source.host();
        let mut text = tool::configuration([]).replace("  additionalImages:\n", "") + "  operators:\n";
        for (at, (entrypoint, command, folder)) in catalog::COMMANDS.iter().enumerate() {
            let (builder, _) = OperatorWorld::parts(host, outside::OPERATORS);
            let image = builder.configs(folder).starts(entrypoint, command).build();
            self.outside.source.push(&format!("cat/command-{at}"), Some("v1"), &image);
            text = text + "  - catalog: " + host + "/cat/command-" + &at.to_string() + ":v1\n" + outside::PACKAGES;
        }
        let isc = self.folder.join("commands.yaml");
        fs::write(&isc, text)?;
        let machine = self.machine(&format!("commands-{}", server.port()))?;
        let workspace = format!("file://{}", machine.home().join("workspace").display());
        let (isc, to) = (isc.display().to_string(), format!("docker://{}/commands", server.host()));
        let flags = ["--workspace", workspace.as_str(), "--src-tls-verify=false", "--dest-tls-verify=false"];
        self.must(&machine, &[&["-c", isc.as_str(), to.as_str()], flags.as_slice()].concat())?;
        for at in 0..catalog::COMMANDS.len() {
            self.start(server, &format!("commands/cat/command-{at}:v1"))?;
        }
        Ok(format!(
            "`opm serve` starts {} commands as the images say, and the judge accepts each cache",
            catalog::COMMANDS.len()
        ))
    }

    /// Lets the judge compare the caches of the default selections of real packages.
    fn judged(&self, catalogs: &Path) -> anyhow::Result<String> {
        let catalogs = fs::canonicalize(catalogs).with_context(|| format!("{} is no folder", catalogs.display()))?;
        let out = self.folder.join("caches");
        fresh(&out)?;
        let [folder, catalogs] = [&out, &catalogs].map(|path| path.display().to_string());
        process::run(
            process::cargo(),
            &["run", "--quiet", "--package", "fbc-catalog", "--example", "opm_cache", "--", &folder, &catalogs],
        )?;
        let (mut selections, mut bundles) = (0, 0);
        for entry in fs::read_dir(&out)? {
            let path = entry?.path();
            bundles += catalog::judge(&self.peers, &path.join("configs"), &path.join("cache"))?;
            selections += 1;
        }
        ensure!(selections > 0, "nothing of {catalogs} could be selected");
        let version = self.peers.judge().1;
        Ok(format!("operator-registry {version} accepts {selections} selections with {bundles} bundles, all equal"))
    }

    /// Deletes the additional images; what the registry then has of them.
    fn delete(&self, machine: &Tool, server: &Server, workspace: &str, target: &str) -> anyhow::Result<String> {
        let images = self.outside.images.references(self.outside.source.host());
        let mut text = "kind: DeleteImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\ndelete:\n  \
                        additionalImages:\n"
            .to_owned();
        for image in &images {
            text = text + "  - name: " + image + "\n";
        }
        let path = machine.home().join("disc.yaml");
        fs::write(&path, text)?;
        let path = path.display().to_string();
        self.must(machine, &["delete", "--generate", "-c", &path, "--workspace", workspace, target])?;
        let list = machine.home().join("workspace/working-dir/delete/delete-images.yaml").display().to_string();
        let (code, _) =
            self.run(machine, &["delete", "--delete-yaml-file", &list, target, "--dest-tls-verify=false"])?;
        let left = self.outside.images.images.iter().filter(|image| {
            let tag = image.tag.clone().unwrap_or_else(|| image.digest().as_tag());
            let name = format!("{}/straight/{}:{tag}", server.host(), image.repository);
            said(self.peers.crane().args(["digest", "--insecure", &name])).is_ok()
        });
        Ok(match (code, left.count()) {
            (0, 0) => format!("{} images are gone", images.len()),
            (0, left) => bail!("delete ended with 0, and {left} images are still there"),
            (code, left) => format!("exit code {code}; the registry kept {left} of {} images", images.len()),
        })
    }
}

/// What a peer printed on standard output; an error with all that it printed when it failed.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{command:?} failed:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

/// A port of the loopback address on which nobody listens at this moment.
fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?.local_addr()?.port())
}

/// Waits until a server that was just started takes connections.
fn wait_for(port: u16, name: &str) -> anyhow::Result<()> {
    for _ in 0..300 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    bail!("{name} does not listen on port {port} after 30 seconds")
}

/// Makes a folder anew.
fn fresh(folder: &Path) -> anyhow::Result<()> {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
