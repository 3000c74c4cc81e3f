//! What changed between two plans, image by image.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use image_ref::{Digest, ImageRef};
use mirror_plan::{ImageKind, PlannedRelease, ReleaseUpdate};
use serde::Serialize;

use crate::model::{AttachedArtifact, Document, Image};
use crate::releases::{label, order, updates};

/// What changed from one plan to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Whether both plans are the same: their ids are equal.
    pub equal: bool,
    /// Images that only the new plan has, by name.
    pub added: Vec<Entry>,
    /// Images that only the old plan has, by name.
    pub removed: Vec<Entry>,
    /// Images that both have and that are not the same.
    pub changed: Vec<Change>,
    /// Updates between releases that came, went, or got another condition, by architecture and version.
    pub updates: Vec<UpdateChange>,
    /// What else is different: members of the document.
    pub members: Vec<String>,
    /// What `blockedImages` keeps out now and did not before.
    pub blocked: Vec<String>,
    /// What `blockedImages` kept out and keeps out no more.
    pub unblocked: Vec<String>,
    /// Blobs that only the new plan has.
    pub new_blobs: usize,
    /// Their bytes.
    pub new_bytes: u64,
    /// Blobs that only the old plan has.
    pub gone_blobs: usize,
    /// Their bytes.
    pub gone_bytes: u64,
}

/// An image that only one of the plans has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name, `repository:tag`.
    pub name: String,
    /// Its role.
    pub kind: ImageKind,
    /// Its source.
    pub source: ImageRef,
    /// Its digest.
    pub digest: Option<Digest>,
    /// What brought it in: the last step, else the path in the configuration.
    pub why: String,
    /// Bytes of its blobs that the other plan has nowhere.
    pub bytes: u64,
}

/// An image that both plans have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// As the new plan has it.
    #[serde(flatten)]
    pub new: Entry,
    /// Its digest in the old plan.
    pub old_digest: Option<Digest>,
    /// What brought it in then.
    pub old_why: String,
    /// What is different: `digest`, `source`, `destination`, `signatures`, `platforms`, `blobs`; `channels` when other
    /// channels list the bundle or have it as their head, or another channel selected the release.
    pub differences: Vec<&'static str>,
}

/// An update between two releases that one of the plans does not have, or not under this condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateChange {
    /// What became of it.
    pub change: WhatChanged,
    /// The architecture; none when the plan does not say.
    pub architecture: Option<String>,
    /// The version that clusters update from.
    pub from: String,
    /// The update as the new plan has it; as the old plan had it when it is gone.
    #[serde(flatten)]
    pub update: ReleaseUpdate,
}

/// What became of something from one plan to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WhatChanged {
    /// Only the new plan has it.
    Added,
    /// Both have it, and it is not the same.
    Changed,
    /// Only the old plan has it.
    Removed,
}

impl Diff {
    /// What changed from `old` to `new`.
    pub fn of(old: &Document, new: &Document) -> Self {
        let (before, after) = (by_name(old), by_name(new));
        let is_new = |blob: &Digest| !old.blobs.contains_key(blob);
        let is_gone = |blob: &Digest| !new.blobs.contains_key(blob);
        let mut diff = Self { equal: old.id == new.id, ..Self::default() };
        for (name, image) in &after {
            let Some(earlier) = before.get(name) else {
                diff.added.push(entry(new, image, is_new));
                continue;
            };
            let differences = differences(earlier, image);
            if !differences.is_empty() {
                diff.changed.push(Change {
                    new: entry(new, image, is_new),
                    old_digest: earlier.digest.clone(),
                    old_why: why(earlier),
                    differences,
                });
            }
        }
        let removed = before.iter().filter(|(name, _)| !after.contains_key(*name));
        diff.removed = removed.map(|(_, image)| entry(old, image, is_gone)).collect();
        diff.updates = update_changes(&before, &after);
        diff.members = members(old, new);
        let [was, is] =
            [old, new].map(|plan| plan.blocked.iter().map(|one| one.origin.clone()).collect::<BTreeSet<_>>());
        diff.blocked = is.difference(&was).cloned().collect();
        diff.unblocked = was.difference(&is).cloned().collect();
        (diff.new_blobs, diff.new_bytes) = count(new, is_new);
        (diff.gone_blobs, diff.gone_bytes) = count(old, is_gone);
        diff
    }
}

type Images<'a> = BTreeMap<(&'a str, bool), &'a Image>;

/// The updates that differ. A release whose updates only one of the plans knows says nothing about what changed.
fn update_changes(before: &Images<'_>, after: &Images<'_>) -> Vec<UpdateChange> {
    let is_silent = |image: &&Image| image.release.as_ref().is_none_or(|release| release.updates.is_none());
    let mut changes = Vec::new();
    let mut compare = |images: &Images<'_>, others: &Images<'_>, gone: bool| {
        for (name, image) in images {
            let other = others.get(name);
            if other.is_some_and(is_silent) {
                continue;
            }
            for update in updates(image) {
                let same = other.and_then(|other| updates(other).find(|other| other.to == update.to));
                let change = match same {
                    None if gone => WhatChanged::Removed,
                    None => WhatChanged::Added,
                    Some(same) if !gone && same != update => WhatChanged::Changed,
                    Some(_) => continue,
                };
                let architecture = image.release.as_ref().and_then(|release| release.architecture.clone());
                let from = label(image).to_owned();
                changes.push(UpdateChange { change, architecture, from, update: update.clone() });
            }
        }
    };
    compare(after, before, false);
    compare(before, after, true);
    changes.sort_by_key(|change| (change.architecture.clone(), order(&change.from), order(&change.update.to)));
    changes
}

/// The images by name. Those that could not be read may share a name with another one and count by their digest alone.
fn by_name(document: &Document) -> Images<'_> {
    let readable = document.images.iter().filter(|image| image.error.is_none());
    readable.map(|image| ((image.name.as_str(), image.destination.is_some()), image)).collect()
}

fn entry(document: &Document, image: &Image, counts: impl Fn(&Digest) -> bool) -> Entry {
    let blobs: BTreeSet<&Digest> = image.all_blobs().filter(|blob| counts(blob)).collect();
    Entry {
        name: image.name.clone(),
        kind: image.kind,
        source: image.source.clone(),
        digest: image.digest.clone(),
        why: why(image),
        bytes: blobs.into_iter().fold(0, |sum, blob| sum.saturating_add(document.size_of(blob))),
    }
}

fn why(image: &Image) -> String {
    image.why.steps.last().unwrap_or(&image.why.path).clone()
}

fn differences(old: &Image, new: &Image) -> Vec<&'static str> {
    let artifacts = |image: &Image| -> BTreeSet<(Option<String>, Digest)> {
        let name = |one: &AttachedArtifact| (one.tag.clone(), one.digest.clone());
        image.attached.iter().flatten().map(name).collect()
    };
    let blobs = |image: &Image| image.blobs.iter().cloned().collect::<BTreeSet<_>>();
    let rows = [
        ("digest", old.digest != new.digest),
        ("source", old.source != new.source),
        ("destination", old.destination != new.destination),
        ("signatures", artifacts(old) != artifacts(new)),
        ("platforms", old.platforms != new.platforms),
        // A list of which other instances are taken has the same digest.
        ("blobs", old.digest == new.digest && blobs(old) != blobs(new)),
        ("channels", differs_in_channels(old, new)),
    ];
    rows.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// Whether an image is another bundle or release than before. Plans of earlier versions do not say, which is no change.
fn differs_in_channels(old: &Image, new: &Image) -> bool {
    let bundles = !old.bundles.is_empty() && !new.bundles.is_empty() && old.bundles != new.bundles;
    // The updates are compared one by one.
    let facts = |release: &PlannedRelease| PlannedRelease { updates: None, ..release.clone() };
    bundles || matches!((&old.release, &new.release), (Some(old), Some(new)) if facts(old) != facts(new))
}

/// The members beside images and blobs that differ.
fn members(old: &Document, new: &Document) -> Vec<String> {
    let signatures = |plan: &Document| -> HashMap<String, String> {
        plan.signatures.iter().map(|one| (one.name.clone(), one.content.clone())).collect()
    };
    let order = |plan: &Document| plan.images.iter().map(|image| image.name.clone()).collect::<Vec<_>>();
    let same_images =
        order(old).into_iter().collect::<BTreeSet<_>>() == order(new).into_iter().collect::<BTreeSet<_>>();
    let rows = [
        ("mode", old.mode != new.mode),
        ("destination", old.destination != new.destination),
        ("maxNestedPaths", old.max_nested_paths != new.max_nested_paths),
        ("options", old.options != new.options),
        ("configuration", old.configuration != new.configuration),
        ("catalogs", old.catalogs != new.catalogs),
        ("signatures", signatures(old) != signatures(new)),
        ("templates", old.templates != new.templates),
        ("files", old.files != new.files),
        ("order of images", same_images && order(old) != order(new)),
    ];
    rows.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}

fn count(document: &Document, counts: impl Fn(&Digest) -> bool) -> (usize, u64) {
    let counted = document.blobs.iter().filter(|(blob, _)| counts(blob));
    counted.fold((0, 0), |(count, sum), (_, size)| (count + 1, sum.saturating_add(*size)))
}

#[cfg(test)]
pub(crate) mod tests {
    use mirror_plan::{BundleChannel, PlannedBundle};

    use super::*;
    use crate::releases::tests::releases;
    use crate::shards::tests::{plan, world};

    /// A bundle in one channel.
    pub(crate) fn bundle(name: &str, head: bool) -> PlannedBundle {
        PlannedBundle {
            catalog: "r.io/index:v1".to_owned(),
            package: "foo".to_owned(),
            name: name.to_owned(),
            version: Some("1.0.0".to_owned()),
            channels: vec![BundleChannel { name: "stable".to_owned(), head }],
        }
    }

    fn sealed(document: Document) -> Document {
        document.seal().0
    }

    #[test]
    fn a_plan_and_itself_are_equal() {
        let document = sealed(world(1, 50));
        let diff = Diff::of(&document, &document);
        assert_eq!(diff, Diff { equal: true, ..Diff::default() });
    }

    #[test]
    fn images_come_go_and_change() {
        let old = plan(&[(&[1, 2], &[]), (&[2, 3], &[]), (&[4], &[])], |blob| blob * 10);
        let mut new = plan(&[(&[1, 2], &[]), (&[2, 5], &[]), (&[4], &[]), (&[1, 6, 7], &[])], |blob| blob * 10);
        new.images.remove(2);
        new.blobs.retain(|_, size| *size != 40 && *size != 30);
        new.images[1].digest = new.images[1].blobs.first().cloned();
        new.images[1].manifests.clear();
        new.images[1].why.steps = vec!["bundle app.v2".to_owned()];
        new.configuration = "other".to_owned();
        let diff = Diff::of(&sealed(old), &sealed(new));
        let names = |entries: &[Entry]| entries.iter().map(|one| (one.name.clone(), one.bytes)).collect::<Vec<_>>();
        assert!(!diff.equal);
        assert_eq!(names(&diff.added), [("ns/app3:v1".to_owned(), 130)]);
        assert_eq!(names(&diff.removed), [("ns/app2:v1".to_owned(), 40)]);
        let changed = &diff.changed[0];
        assert_eq!(
            (changed.new.name.as_str(), changed.new.bytes, &changed.differences[..]),
            ("ns/app1:v1", 50, &["digest"][..])
        );
        assert_eq!((changed.new.why.as_str(), diff.changed.len()), ("bundle app.v2", 1));
        assert_eq!(diff.members, ["configuration"]);
        assert_eq!((diff.new_blobs, diff.new_bytes, diff.gone_blobs, diff.gone_bytes), (3, 180, 2, 70));
    }

    #[test]
    fn what_an_earlier_plan_does_not_say_is_no_change() {
        let release =
            |channel: &str| Some(PlannedRelease { channels: vec![channel.to_owned()], ..PlannedRelease::default() });
        let with = |bundles: &[PlannedBundle], release: Option<PlannedRelease>| {
            let mut document = plan(&[(&[1], &[]), (&[2], &[])], |blob| blob);
            (document.images[0].bundles, document.images[1].release) = (bundles.to_vec(), release);
            sealed(document)
        };
        let (head, replaced) = ([bundle("foo.v1", true)], [bundle("foo.v1", false)]);
        let check = |old: &Document, new: &Document, expected: &[&str]| {
            let diff = Diff::of(old, new);
            let changed: Vec<&str> = diff.changed.iter().map(|change| change.new.name.as_str()).collect();
            assert_eq!(changed, expected);
            assert!(diff.changed.iter().all(|change| change.differences == ["channels"]));
        };
        let (old, new) = (with(&head, release("stable")), with(&replaced, release("stable")));
        check(&old, &new, &["ns/app0:v1"]);
        check(&old, &with(&head, release("fast")), &["ns/app1:v1"]);
        check(&with(&[], None), &new, &[]);
        check(&new, &with(&[], None), &[]);
    }

    #[test]
    fn updates_come_go_and_get_conditions() {
        let check = |old: &[(&str, Option<&[&str]>)], new: &[(&str, Option<&[&str]>)], expected: &[&str]| {
            let diff = Diff::of(&sealed(releases(old)), &sealed(releases(new)));
            let shown = diff.updates.iter().map(|change| {
                let UpdateChange { change, from, update, .. } = change;
                format!("{change:?} {from} > {} {:?}", update.to, update.risks)
            });
            assert_eq!(shown.collect::<Vec<_>>(), expected);
            assert_eq!(diff.changed, [], "an image is what it was");
        };
        let old: [(&str, Option<&[&str]>); 3] =
            [("4.9.1", Some(&["4.9.2", "4.10.0"])), ("4.9.2", Some(&["4.10.0?Fire"])), ("4.10.0", Some(&[]))];
        check(&old, &old, &[]);
        check(
            &old,
            &[("4.9.1", Some(&["4.9.2?Ice"])), ("4.9.2", Some(&["4.10.0"])), ("4.10.0", Some(&[]))],
            &["Changed 4.9.1 > 4.9.2 [\"Ice\"]", "Removed 4.9.1 > 4.10.0 []", "Changed 4.9.2 > 4.10.0 []"],
        );
        check(
            &[("4.9.1", Some(&["4.10.0"])), ("4.10.0", Some(&[]))],
            &[("4.9.1", Some(&["4.9.2", "4.10.0"])), ("4.10.0", Some(&[])), ("4.9.2", Some(&["4.10.0"]))],
            &["Added 4.9.1 > 4.9.2 []", "Added 4.9.2 > 4.10.0 []"],
        );
        // Nobody read a graph for one of the plans.
        let silent: [(&str, Option<&[&str]>); 3] = [("4.9.1", None), ("4.9.2", None), ("4.10.0", None)];
        check(&silent, &old, &[]);
        check(&old, &silent, &[]);
        let mut earlier = releases(&old);
        earlier.images.iter_mut().for_each(|image| image.release = None);
        assert_eq!(Diff::of(&sealed(earlier), &sealed(releases(&old))).updates, []);
    }

    #[test]
    fn every_difference_is_named() {
        type Edit = fn(&mut Document);
        let rows: [(Edit, &str); 11] = [
            (|plan| plan.images[0].source = "quay.io/other/app:v1".parse().unwrap(), "source"),
            (|plan| plan.images[0].destination = Some("reg.lan:5000/m/other:v1".parse().unwrap()), "destination"),
            (
                |plan| {
                    let digest = plan.images[1].digest.clone().unwrap();
                    plan.images[0].attached = Some(vec![AttachedArtifact {
                        tag: Some("sha256-00.sig".to_owned()),
                        digest,
                        manifests: Vec::new(),
                        blobs: Vec::new(),
                    }]);
                },
                "signatures",
            ),
            (|plan| plan.images[0].platforms = vec!["linux/amd64".parse().unwrap()], "platforms"),
            (|plan| plan.images[0].blobs.truncate(1), "blobs"),
            (|plan| plan.max_nested_paths = 2, "maxNestedPaths"),
            (|plan| plan.options.remove_signatures = true, "options"),
            (|plan| plan.images.swap(0, 1), "order of images"),
            (|plan| plan.destination = "docker://reg.lan:5000".into(), "destination"),
            (
                |plan| {
                    plan.blocked =
                        vec![mirror_plan::Blocked { origin: "docker://q.io/x:1".into(), pattern: "x".into() }];
                },
                "docker://q.io/x:1",
            ),
            (
                |plan| {
                    plan.files.push(crate::BuiltFile {
                        name: "x".into(),
                        size: 1,
                        digest: plan.images[0].blobs[0].clone(),
                    });
                },
                "files",
            ),
        ];
        for (edit, expected) in rows {
            let old = plan(&[(&[1, 2], &[]), (&[2, 3], &[])], |blob| blob);
            let mut new = old.clone();
            edit(&mut new);
            let diff = Diff::of(&sealed(old), &sealed(new));
            assert!(!diff.equal, "{expected}");
            let said: Vec<&str> = diff
                .changed
                .iter()
                .flat_map(|change| change.differences.iter().copied())
                .chain(diff.members.iter().map(String::as_str))
                .chain(diff.blocked.iter().map(String::as_str))
                .collect();
            assert_eq!(said, [expected]);
        }
    }
}
