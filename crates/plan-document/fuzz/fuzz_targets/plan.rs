//! Any text is read or refused, and what was read is a plan that can be compared, divided, and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plan_document::{Diff, Document, Mode, Partition, ReadError, ReleaseGraph};

fuzz_target!(|text: &[u8]| {
    let read = match Document::read(text) {
        // The fuzzer cannot find the id: it is said to it.
        Err(ReadError::Id { said, found }) => {
            let text = String::from_utf8_lossy(text).replacen(&said.to_string(), &found.to_string(), 1);
            Document::read(text.as_bytes())
        }
        read => read,
    };
    let Ok(document) = read else { return };
    for workers in [1, 3] {
        let partition = Partition::of(&document, workers);
        let parts: usize = partition.shards.iter().map(|shard| shard.images.len()).sum();
        assert_eq!(parts + partition.finisher.len(), document.images.len());
    }
    let _ = (document.bytes_of_images(), document.planned_images(), document.registry());
    for graph in ReleaseGraph::all(&document) {
        assert!(graph.edges.iter().all(|(from, to, _)| from != to && *from.max(to) < graph.nodes.len()));
    }
    let empty = Document::new(Mode::MirrorToDisk, "file:///m");
    assert!(Diff::of(&document, &document).equal);
    let _ = (Diff::of(&empty, &document), Diff::of(&document, &empty));
    let (sealed, text) = document.seal();
    assert_eq!(Document::read(text.as_bytes()).expect("what we write is a plan"), sealed);
});
