//! Several machines fill one registry: real processes, and a stand-in for the controller of Kubernetes Jobs.

mod cut_off;
mod job;
mod manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use test_support::{
    DebianRegistry, Effect, Fault, Image, ImageBuilder, Kind, Layer, OperatorWorld, Registry, RegistryBuilder, Request,
    Skopeo, Snapshot, When,
};

use self::job::{Index, Job, Kill, told};
use crate::harness::Home;

/// The rate of each machine, such as `100K`. `cargo xtask nightly` sets it: this is measured in minutes.
const SPEED: &str = "OC_MIRROR_SHARD_SPEED";

/// The repository of pushed plans.
const PLANS: &str = "plans/ocp";

/// A source with images that share layers, and with an operator.
struct Site {
    source: Registry,
    planner: Home,
}

impl Site {
    /// `layers` of its own has each image.
    fn new(images: u64, layers: u64) -> Self {
        Self::with(Home::new(), images, layers)
    }

    fn with(planner: Home, images: u64, layers: u64) -> Self {
        Self::at(Registry::start_blocking(), planner, images, layers)
    }

    fn at(source: Registry, planner: Home, images: u64, layers: u64) -> Self {
        let operators = OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]);
        operators.push_to(&source);
        let mut body = format!(
            "operators:\n- catalog: {}\n  packages:\n  - name: foo\nadditionalImages:\n",
            operators.catalog.reference(source.host())
        );
        for at in 0..images {
            let name = format!("apps/app{at}");
            source.push(&name, "v1", &image(at, layers));
            body = body + "- name: " + source.host() + "/" + &name + ":v1\n";
        }
        planner.configuration(&body);
        Self { source, planner }
    }

    /// Makes and pushes the plan; its name by digest.
    fn plan(&self, destination: &str) -> String {
        let workspace = format!("file://{}", self.planner.workspace().display());
        let to = format!("docker://{destination}");
        let plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--retry-delay=10ms"];
        let make = ["plan", "-c", "isc.yaml", "--workspace", &workspace, &to, "--out", "plan.json"];
        self.planner.run(&[&make[..], &plain].concat()).code(0);
        let place = format!("docker://{}/{PLANS}:one", destination.split('/').next().unwrap());
        let pushed = self.planner.run(&[&["plan", "push", "plan.json", &place][..], &plain].concat());
        let line = pushed.code(0).line_with("@sha256:").expect("the name by digest");
        let name = line.split_whitespace().find(|word| word.contains("@sha256:")).unwrap();
        name.trim_matches('`').to_owned()
    }

    fn document(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.planner.path().join("plan.json")).unwrap()).unwrap()
    }

    /// What one machine does with the configuration: everything at the destination, and the resources.
    fn alone(&self) -> (Snapshot, BTreeMap<String, String>) {
        let destination = Registry::builder().sparse(true).start_blocking();
        self.planner.mirror_to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        (destination.snapshot(), resources(&self.planner, destination.host()))
    }
}

/// Three layers of two stacks that all share, and layers of its own.
fn image(at: u64, layers: u64) -> Image {
    let stack = at % 2;
    let base = (0..3).map(|layer| Layer::random(1000 + stack * 10 + layer, 60_000));
    let own =
        (0..layers).map(|layer| Layer::random(100_000 + at * 100 + layer, 30_000 + usize::try_from(at).unwrap() * 500));
    ImageBuilder::oci().layers(base).layers(own).build()
}

/// The digests of the plan below a destination, by name.
fn expected(document: &Value) -> BTreeMap<String, String> {
    let images = document["images"].as_array().unwrap().iter();
    let named = images.filter_map(|image| {
        let name = image["destination"].as_str()?.split_once('/').unwrap().1.to_owned();
        Some((name, image["digest"].as_str().unwrap().to_owned()))
    });
    named.collect()
}

/// The bytes of the blobs at the destination, each once, and each once in each repository.
fn sizes(document: &Value) -> (u64, u64) {
    // What only the cache gets, such as an original catalog, never travels to the destination.
    let images = document["images"].as_array().unwrap().iter().filter(|image| image["destination"].is_string());
    let mut blobs: BTreeSet<(&str, &str)> = BTreeSet::new();
    for image in images {
        let (repository, _) = image["destination"].as_str().unwrap().rsplit_once(':').unwrap();
        blobs.extend(image["blobs"].as_array().unwrap().iter().map(|blob| (repository, blob.as_str().unwrap())));
    }
    let size = |blob: &str| document["blobs"][blob].as_u64().unwrap();
    let unique: BTreeSet<&str> = blobs.iter().map(|(_, blob)| *blob).collect();
    (unique.into_iter().map(size).sum(), blobs.iter().map(|(_, blob)| size(blob)).sum())
}

/// Bytes of blobs that arrived, without those of the plan itself.
fn received(destination: &Registry) -> u64 {
    let uploads = destination.requests_matching(&When::kind(Kind::Upload));
    uploads.iter().filter(|request| request.repository != PLANS).map(Request::bytes_received).sum()
}

/// What is at a destination, without the plan.
fn content(destination: &Registry) -> Snapshot {
    let mut snapshot = destination.snapshot();
    snapshot.manifests.remove(PLANS);
    snapshot.blobs.remove(PLANS);
    snapshot
}

/// The cluster resources of a run, without what names its registry and its moment.
fn resources(home: &Home, registry: &str) -> BTreeMap<String, String> {
    let folder = home.workspace().join("working-dir/cluster-resources");
    let Ok(files) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let read = files.map(|entry| entry.unwrap()).map(|file| {
        let text = std::fs::read_to_string(file.path()).unwrap().replace(registry, "THERE");
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("createdAt")).collect();
        (file.file_name().into_string().unwrap(), lines.join("\n"))
    });
    read.collect()
}

/// Three kills for each worker, in an order that looks random and is the same each time, while `unique` bytes arrive.
fn three_kills_each(workers: usize, unique: u64, mut seed: u64) -> Vec<Kill> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let mut kills: Vec<Kill> = (0..workers * 3)
        // In the last third a worker may be done.
        .map(|at| Kill { index: at % workers, after: unique / 20 + next() % (unique * 6 / 10) })
        .collect();
    kills.sort_by_key(|kill| kill.after);
    kills
}

/// What happens on the way, and what may be sent then.
struct Row {
    name: &'static str,
    registry: fn() -> RegistryBuilder,
    /// Bytes a second of each upload.
    slow: Option<u64>,
    kills: Option<u64>,
    dead: Option<usize>,
    /// The most that may be sent of what is unique; of what each repository needs where nothing can be mounted.
    most: f64,
}

fn sparse() -> RegistryBuilder {
    Registry::builder().sparse(true)
}

const CALM: Row = Row { name: "calm", registry: sparse, slow: None, kills: None, dead: None, most: 1.01 };

const ROWS: &[Row] = &[
    CALM,
    Row { name: "kills", slow: Some(600_000), kills: Some(7), most: 1.05, ..CALM },
    Row { name: "no mounts", registry: || sparse().mounts(false), ..CALM },
    // Each of the others waits in vain for what the dead worker should have sent to both.
    Row { name: "one is dead", dead: Some(1), most: 1.05, ..CALM },
];

#[test]
fn several_machines_do_what_one_does() {
    let site = Site::new(24, 12);
    let (there, written) = site.alone();
    assert!(!written.is_empty());
    for row in ROWS {
        let what = row.name;
        let destination = (row.registry)().start_blocking();
        let plan = site.plan(&format!("{}/m", destination.host()));
        let (unique, repeated) = sizes(&site.document());
        if let Some(rate) = row.slow {
            destination.fault(Fault::new(When::kind(Kind::Upload), Effect::Slow(rate)));
        }
        destination.clear_requests();
        // A slow machine may take its time; who is dead is not waited for.
        let waits = if row.dead.is_some() { ["--patience=1s", "--wait=3s"] } else { ["--patience=2m", "--wait=3m"] };
        // One layer at a time for a worker: what a kill costs is at most this layer.
        let flags = [&waits[..], &["--parallel-images=1", "--parallel-layers=1"]].concat();
        let job = Job { plan: &plan, workers: 3, backoff: 6, dead: row.dead, flags: &flags, home: &|_| Home::new() };
        let kills = row.kills.map(|seed| three_kills_each(3, unique, seed)).unwrap_or_default();
        let indexes = job.run(kills, |_| received(&destination));
        let ok = |index: &Index| row.dead == Some(index.number) || index.succeeded();
        assert!(indexes.iter().all(ok), "{what}:\n{}", told(&indexes));
        if row.kills.is_some() {
            let struck: usize = indexes.iter().map(|index| index.kills).sum();
            assert!(struck >= 6, "{what}: only {struck} kills struck");
        }
        let sent = received(&destination);
        let most = if what == "no mounts" { repeated } else { unique };
        println!("{what}: {sent} bytes sent of {unique}, {:.4} of {most}", sent as f64 / most as f64);
        assert!(sent as f64 <= most as f64 * row.most, "{what}: {sent} bytes sent, {most} needed");
        assert!(content(&destination) == there, "{what}: the registry is not what one machine makes of it");
        let (workers, finisher) = (&indexes[..3], &indexes[3]);
        assert_eq!(resources(finisher.pods.last().unwrap(), destination.host()), written, "{what}");
        for pod in workers.iter().flat_map(|worker| &worker.pods) {
            assert!(resources(pod, destination.host()).is_empty(), "{what}: a worker wrote resources");
        }
    }
}

#[test]
fn into_a_real_registry() {
    let (Some(registry), Some(skopeo)) = (DebianRegistry::start(), Skopeo::find()) else { return };
    let site = Site::new(9, 3);
    let plan = site.plan(&format!("{}/m", registry.host()));
    let flags = ["--patience=2m", "--wait=3m"];
    let job = Job { plan: &plan, workers: 3, backoff: 6, dead: None, flags: &flags, home: &|_| Home::new() };
    // This registry does not say how much it has received; so many looks are about as good.
    let kills = vec![Kill { index: 0, after: 25 }, Kill { index: 2, after: 40 }, Kill { index: 0, after: 70 }];
    let indexes = job.run(kills, |looks| looks + 1);
    assert!(indexes.iter().all(Index::succeeded), "{}", told(&indexes));
    for (name, digest) in expected(&site.document()) {
        let found =
            skopeo.digest(&format!("{}/{name}", registry.host())).unwrap_or_else(|_| panic!("{name} is missing"));
        assert_eq!(found.to_string(), digest, "{name}");
    }
}

/// What running again cannot mend ends the index, and the finisher has the exit code of one process.
#[test]
fn a_failure_that_stays_is_told_to_the_controller() {
    let site = Site::new(4, 1);
    let destination = Registry::builder().sparse(true).start_blocking();
    let plan = site.plan(&format!("{}/m", destination.host()));
    let document = site.document();
    let gone = document["images"].as_array().unwrap().iter().find(|image| image["name"] == "apps/app2:v1").unwrap();
    site.source.push("apps/app2", "v1", &image(99, 1));
    site.source.remove("apps/app2", gone["digest"].as_str().unwrap());
    let flags = ["--patience=1s", "--wait=2s", "--retry-times=0"];
    let job = Job { plan: &plan, workers: 2, backoff: 6, dead: None, flags: &flags, home: &|_| Home::new() };
    let indexes = job.run(Vec::new(), |_| 0);
    let codes: Vec<&[i32]> = indexes.iter().map(|index| &index.codes[..]).collect();
    // One of the workers has the image, and so has the finisher; none of them is started again.
    assert_eq!(codes[2], [32 | 8], "{}", told(&indexes));
    let mut workers = [codes[0], codes[1]];
    workers.sort_unstable();
    assert_eq!(workers, [&[0][..], &[32 | 8]], "{}", told(&indexes));
    let alone = Home::new();
    let workspace = format!("file://{}", alone.workspace().display());
    let plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--retry-times=0"];
    alone.run(&[&["apply", &plan, "--workspace", &workspace][..], &plain].concat()).code(8);
}

/// Disk to mirror: every worker reads the same archive, which stays as it is.
#[test]
fn out_of_an_archive() {
    let site = Site::new(8, 2);
    site.planner.to_disk(&[]).code(0);
    let destination = Registry::builder().sparse(true).start_blocking();
    let disk = format!("file://{}", site.planner.disk().display());
    let to = format!("docker://{}/m", destination.host());
    let plain = ["--dest-tls-verify=false", "--retry-delay=10ms"];
    let make = ["plan", "-c", "isc.yaml", "--from", &disk, &to, "--out", "plan.json"];
    site.planner.run(&[&make[..], &plain].concat()).code(0);
    let place = format!("docker://{}/{PLANS}:one", destination.host());
    site.planner.run(&[&["plan", "push", "plan.json", &place][..], &plain].concat()).code(0);
    let before = site.planner.archives();
    let (unique, _) = sizes(&site.document());
    destination.clear_requests();
    let flags = ["--from", &disk, "--patience=2m", "--wait=3m"];
    let job = Job { plan: &place, workers: 2, backoff: 0, dead: None, flags: &flags, home: &|_| Home::new() };
    let indexes = job.run(Vec::new(), |_| 0);
    assert!(indexes.iter().all(Index::succeeded), "{}", told(&indexes));
    assert_eq!(site.planner.archives(), before);
    let sent = received(&destination);
    assert!(sent as f64 <= unique as f64 * 1.01, "{sent} bytes sent of {unique}");
    let alone = Registry::builder().sparse(true).start_blocking();
    site.planner.to_mirror(&format!("{}/m", alone.host()), &[]).code(0);
    assert!(content(&destination) == alone.snapshot(), "the registry is not what one machine makes of it");
}

#[test]
fn a_pause_between_workers_costs_nothing_but_time() {
    let site = Site::new(6, 1);
    let destination = Registry::builder().sparse(true).start_blocking();
    let plan = site.plan(&format!("{}/m", destination.host()));
    let (unique, _) = sizes(&site.document());
    destination.clear_requests();
    // One after the other, by hand: whoever borrows waits in vain, sends, and the owner finds the blob there.
    for part in ["2/2", "1/2", "finish/2"] {
        let home = Home::new();
        let workspace = format!("file://{}", home.workspace().display());
        let args = ["apply", &plan, "--shard", part, "--workspace", &workspace, "--patience=1s", "--wait=1s"];
        let plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--retry-delay=10ms"];
        home.run(&[&args[..], &plain].concat()).code(0);
    }
    let sent = received(&destination);
    // The shared layers may be there twice: the owner has them in other repositories than the borrower.
    assert!(sent as f64 <= unique as f64 * 2.0, "{sent} bytes sent of {unique}");
    assert!(content(&destination) == site.alone().0, "the registry is not what one machine makes of it");
}

/// Where the network of a machine is the bound, four machines are four times as fast, but for 15 %.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the night asks for more than the gate does")]
fn four_machines_take_a_quarter_of_the_time() {
    let Ok(rate) = std::env::var(SPEED) else {
        eprintln!("skipped: {SPEED} is not set; `cargo xtask nightly --only shards` sets it");
        return;
    };
    let site = Site::new(24, 12);
    let limit = format!("--limit-rate={rate}");
    let mut took = Vec::new();
    for workers in [1, 4] {
        let destination = Registry::builder().sparse(true).start_blocking();
        let plan = site.plan(&format!("{}/m", destination.host()));
        let flags = [limit.as_str(), "--patience=5m", "--wait=5m"];
        let job = Job { plan: &plan, workers, backoff: 0, dead: None, flags: &flags, home: &|_| Home::new() };
        let indexes = job.run(Vec::new(), |_| 0);
        assert!(indexes.iter().all(Index::succeeded), "{}", told(&indexes));
        // The finisher looks now and then, and has next to nothing to send.
        took.push(indexes[..workers].iter().map(|index| index.ended).max().unwrap().as_secs_f64());
    }
    eprintln!("one worker {:.1} s, four workers {:.1} s: {:.3}", took[0], took[1], took[1] / took[0]);
    assert!(took[1] <= took[0] / (0.85 * 4.0), "{took:?}");
}

#[test]
fn shards_that_make_no_sense_are_refused() {
    let home = Home::new();
    let check = |shard: &str, index: Option<&str>, expected: &str| {
        let shard = format!("--shard={shard}");
        let mut command = home.command(&["apply", "plan.json", &shard]);
        if let Some(index) = index {
            command.env("JOB_COMPLETION_INDEX", index);
        }
        home.outcome(&command.output().unwrap()).code(1).says(expected);
    };
    for shard in ["", "3", "0/4", "5/4", "1/0", "x/4", "1/x", "auto/0", "-1/4", "1/100000"] {
        check(shard, Some("1"), "--shard: expected `1/8` to `8/8`, `finish/8`, or `auto/8`");
    }
    check("auto/4", None, "--shard auto/4: JOB_COMPLETION_INDEX is not set");
    check("auto/4", Some("5"), "--shard auto/4: JOB_COMPLETION_INDEX is `5`; 0 to 4 are expected");
    check("auto/4", Some("x"), "--shard auto/4: JOB_COMPLETION_INDEX is `x`; 0 to 4 are expected");
    let wants = Home::new();
    wants.additional_images(["reg.example.com/a:1"]);
    wants.run(&["apply", "plan.json", "--shard", "1/2"]).code(1 | 32).says("cannot read the plan");
}

#[test]
fn a_plan_for_a_disk_has_no_parts() {
    let site = Site::new(1, 1);
    let disk = format!("file://{}", site.planner.disk().display());
    let make = ["plan", "-c", "isc.yaml", &disk, "--out", "plan.json", "--src-tls-verify=false"];
    site.planner.run(&make).code(0);
    site.source.clear_requests();
    let part = ["apply", "plan.json", "--shard", "1/2", "--src-tls-verify=false"];
    site.planner.run(&part).code(1 | 32).says("--shard divides what goes to a registry");
    assert_eq!(site.source.request_count(), 0);
}

/// A registry that is slow to answer keeps nobody from the end.
#[test]
fn answers_that_take_long_are_waited_for() {
    let site = Site::new(5, 1);
    let destination = Registry::builder().sparse(true).start_blocking();
    let plan = site.plan(&format!("{}/m", destination.host()));
    let (unique, _) = sizes(&site.document());
    destination.clear_requests();
    destination.fault(Fault::new(When::any(), Effect::Delay(Duration::from_millis(40))));
    let flags = ["--patience=2m", "--wait=3m"];
    let job = Job { plan: &plan, workers: 2, backoff: 0, dead: None, flags: &flags, home: &|_| Home::new() };
    let indexes = job.run(Vec::new(), |_| 0);
    assert!(indexes.iter().all(Index::succeeded), "{}", told(&indexes));
    let sent = received(&destination);
    assert!(sent as f64 <= unique as f64 * 1.01, "{sent} bytes sent of {unique}");
}
