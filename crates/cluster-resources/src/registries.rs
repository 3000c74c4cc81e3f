//! `registries.conf` for the next hop: what the mirror sets say to a cluster, for podman, skopeo and oc-mirror itself.
//!
//! `oc apply` leaves the file alone, because the file is no YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::iter::successors;

use crate::mirror_set::pair;
use crate::mirrored::{Kind, Mirrored};
use crate::request::Request;

/// The tables that send what is asked of a source to where oc-mirror put the images of that source. Catalogs are among them:
/// the next hop reads catalogs by their public names. None when no image has a source that can be asked.
pub fn registries_conf(rows: &[Mirrored], request: &Request<'_>) -> Option<String> {
    // Nobody asks for the graph image by the name that it had in the cache, and the next hop cannot reach the cache.
    let in_cache = |row: &Mirrored| !request.cache_host.is_empty() && row.destination.domain() == request.cache_host;
    let rows = rows.iter().filter(|row| row.kind != Kind::Graph && !in_cache(row));
    let pairs = rows.filter_map(|row| Some((row, pair(row, request.max_nested_paths.is_some())?)));
    let pairs: Vec<_> = pairs.filter(|(_, (source, mirror))| source != mirror).collect();
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, (source, mirror)) in &pairs {
        places.entry(source.clone()).or_default().insert(mirror.clone());
    }
    // Only the longest table that matches a name counts. A table of one repository, which was given another name, would hide
    // the table of the namespace from the other images of that repository.
    for (row, (source, mirror)) in &pairs {
        let origin = row.origin.normalized();
        let mut tables = successors(Some(origin.name()), |name| Some(name.rsplit_once('/')?.0));
        if let Some(longest) = tables.find(|table| places.contains_key(*table))
            && let Some(rest) = longest.strip_prefix(source.as_str())
        {
            places.entry(longest.to_owned()).or_default().insert(format!("{mirror}{rest}"));
        }
    }
    if places.is_empty() {
        return None;
    }
    // Without the time: the same images give the same file.
    let mut text = format!(
        "# Written by oc-mirror {}.\n\
         # Machines that read images from this mirror under their public names need these tables: podman, skopeo, and\n\
         # oc-mirror in the next hop. Copy this file to /etc/containers/registries.conf.d/oc-mirror.conf, or name it in\n\
         # CONTAINERS_REGISTRIES_CONF.\n",
        request.tool_version
    );
    for (source, mirrors) in places {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n[[registry]]\nlocation = \"{source}\"\n");
        for mirror in mirrors {
            let _ = write!(text, "\n[[registry.mirror]]\nlocation = \"{mirror}\"\n");
            if request.insecure {
                text.push_str("insecure = true\n");
            }
        }
    }
    Some(text)
}
