//! The on-disk layout shared by cache and archive: store, chunks, index, history, verify.
