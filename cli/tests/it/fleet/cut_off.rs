//! The network of one worker is cut in the middle of its work. The others and the finisher do without this worker.

use test_support::{Effect, Fault, Kind, Registry, TestCa, When};

use super::job::{Index, Job, told};
use super::{Site, content, received, resources, sizes};
use crate::harness::Home;
use crate::harness::network::{HUB, Network, cut, machines};
use crate::harness::tunnel::Tunnel;

const FLAGS: [&str; 5] =
    ["--patience=3s", "--wait=6s", "--retry-times=1", "--parallel-images=1", "--parallel-layers=1"];

/// The worker that is cut off.
const LOST: usize = 1;

/// Three workers and the finisher.
const MACHINES: usize = 4;

/// With real cables where this machine lets us have network namespaces, else with relays that end their connections.
#[test]
fn a_worker_without_network_is_not_missed() {
    if let Some(machines) = machines() {
        return with_cables(&machines);
    }
    match Network::new(MACHINES, "300kbps") {
        Ok(network) => {
            println!("workers are in network namespaces, each with 300 kB/s");
            network.run_inside("fleet::cut_off::a_worker_without_network_is_not_missed");
        }
        Err(reason) => {
            println!("workers are behind relays, because there are no network namespaces: {reason}");
            with_relays();
        }
    }
}

/// Inside the hub: the cable of one machine is taken out. Nobody is told, and what was on its way never arrives.
fn with_cables(machines: &[String]) {
    let on_the_hub = || Registry::builder().sparse(true).address(HUB.parse().unwrap());
    let (source, destination) = (on_the_hub().start_blocking(), on_the_hub().start_blocking());
    let site = Site::at(source, Home::new(), 18, 4);
    let name = format!("{}/m", destination.host());
    let plan = site.plan(&name);
    destination.clear_requests();
    // Whoever waits for an answer that never comes gives the image up.
    let flags = [&FLAGS[..], &["--image-timeout=20s"]].concat();
    let home = |index: usize| Home::new().on_machine(&machines[index]);
    let job = Job { plan: &plan, workers: 3, backoff: 1, dead: None, flags: &flags, home: &home };
    check(&site, &destination, &job, destination.host(), || cut(&machines[LOST]));
}

/// Each worker reaches the registry through a relay of its own, and one of the relays goes away.
fn with_relays() {
    let destination = Registry::builder().sparse(true).tls(&TestCa::new()).start_blocking();
    let tunnels: Vec<Tunnel> = (0..MACHINES).map(|_| Tunnel::to(destination.host())).collect();
    // The registry does not know the name that the workers have for it.
    destination.fault(Fault::new(When::any(), Effect::RelativeLocation));
    let site = Site::with(Home::new().variable("HTTPS_PROXY", &tunnels[3].address), 18, 4);
    let plan = site.plan("reg.example.com/m");
    destination.clear_requests();
    destination.fault(Fault::new(When::kind(Kind::Upload), Effect::Slow(400_000)));
    let home = |index: usize| Home::new().variable("HTTPS_PROXY", tunnels[index].address.clone());
    let job = Job { plan: &plan, workers: 3, backoff: 1, dead: None, flags: &FLAGS, home: &home };
    check(&site, &destination, &job, "reg.example.com", || tunnels[LOST].cut());
}

fn check(site: &Site, destination: &Registry, job: &Job<'_>, name: &str, cut: impl Fn()) {
    let (unique, _) = sizes(&site.document());
    let mut is_cut = false;
    let indexes = job.run(Vec::new(), |_| {
        let bytes = received(destination);
        if bytes > unique / 4 && !is_cut {
            is_cut = true;
            cut();
        }
        bytes
    });
    assert!(is_cut, "{}", told(&indexes));
    let codes: Vec<&[i32]> = indexes.iter().map(|index| &index.codes[..]).collect();
    let others = indexes.iter().filter(|index| index.number != LOST);
    assert!(others.clone().count() == 3 && others.into_iter().all(Index::succeeded), "{}", told(&indexes));
    // Both pods failed with what running again may mend.
    let lost = codes[LOST];
    assert!(lost.len() == 2 && lost.iter().all(|code| *code != 0 && *code & 32 == 0), "{codes:?}");
    let (there, written) = site.alone();
    assert!(content(destination) == there, "the registry is not what one machine makes of it");
    assert_eq!(resources(indexes[3].pods.last().unwrap(), name), written);
}
