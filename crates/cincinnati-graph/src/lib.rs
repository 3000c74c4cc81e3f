//! The release update graph: model, selection, paths, and a client by feature.
