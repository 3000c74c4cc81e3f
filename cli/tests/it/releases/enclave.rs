//! Two hops: internet, archive, enterprise registry, archive, registry of an enclave. The second hop needs no more than what the
//! first one has written.

use super::*;

/// An enterprise registry that has a release, and the machine that loaded it.
fn enterprise(outside: &Outside) -> (Registry, Home) {
    let release = Release::new("4.99.1", 4, 1);
    outside.mirrors(&[&release]);
    outside.home.to_disk(&[]).code(0);
    let station = enclave(&outside.home);
    carry(&outside.home, &station);
    let registry = Registry::start_blocking();
    station.to_mirror(&format!("{}/ocp", registry.host()), &[]).code(0).says("registries.conf file created");
    (registry, station)
}

/// The machine of the second hop: it knows the results of the first one, and an update service inside.
fn second_hop(outside: &Outside, station: &Home, signatures: &str) -> Home {
    let resources = station.disk().join("working-dir/cluster-resources");
    let hop = enclave(&outside.home);
    hop.configuration("platform:\n  channels:\n  - name: stable-4.99\n");
    hop.variable("CONTAINERS_REGISTRIES_CONF", resources.join("registries.conf"))
        .variable("UPDATE_URL_OVERRIDE", outside.service.graph_url())
        .variable("NO_PROXY", "127.0.0.1")
        .variable("OCP_SIGNATURE_URL", format!("file://{}", station.disk().join(signatures).display()))
}

#[test]
fn a_release_takes_two_hops() {
    let Some(outside) = Outside::new() else { return };
    let (registry, station) = enterprise(&outside);
    let release = Release::new("4.99.1", 4, 1);
    // The internet is gone: its registry, and its server of signatures.
    outside.source.clear_requests();
    outside.service.clear_requests();
    for signatures in
        ["working-dir", "working-dir/signatures", "working-dir/cluster-resources/signature-configmap.json", ""]
    {
        let hop = second_hop(&outside, &station, signatures);
        hop.to_disk(&[]).code(0).says("5 / 5 release images mirrored successfully");
        let inside = enclave(&outside.home);
        carry(&hop, &inside);
        let destination = Registry::start_blocking();
        inside.to_mirror(&format!("{}/m", destination.host()), &[]).code(0);
        assert_arrived(&release, &destination, "m/");
    }
    assert_eq!(outside.source.request_count(), 0, "{:#?}", outside.source.requests());
    assert!(outside.service.requests().iter().all(|request| !request.contains("signature")));
    assert!(registry.request_count() > 0);
}

/// A file cannot make a release signed: what lies in the results is verified like what a server sends.
#[test]
fn signatures_of_the_hop_before_are_verified() {
    let Some(outside) = Outside::new() else { return };
    let (_registry, station) = enterprise(&outside);
    let folder = station.disk().join("working-dir/signatures");
    let kept = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let run = |signatures: &str| second_hop(&outside, &station, signatures).to_disk(&[]);
    run("working-dir/gone").code(2).says("OCP_SIGNATURE_URL").says("working-dir/gone");
    run("working-dir/logs").code(2).says("holds no release signatures").says("signature-configmap.json");
    std::fs::write(&kept, "altered").unwrap();
    run("working-dir/signatures").code(2).says("[GenerateReleaseSignatures]").says("(found in ");
    std::fs::rename(&kept, folder.join(format!("4.99.1-x86_64-sha256-{}", "0".repeat(64)))).unwrap();
    run("working-dir/signatures").code(2).says("no signature found for").says("working-dir/signatures");
}
