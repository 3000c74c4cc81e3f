//! From collected images to a plan: what is blocked leaves, duplicates merge, and every name gets one image.

// Entries are numbered by the draft itself, and none is removed before `settle` is through with them. From outside only
// `image` takes a number, which says so.
#![allow(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use image_ref::{Digest, Transport, is_valid_tag};
use isc_schema::BlockedImage;

use crate::attachment;
use crate::blocklist::blocking;
use crate::claim::{Rank, Reserved};
use crate::collision::{Claimant, Collision, Difference, Holder};
use crate::{Blocked, CacheName, Destination, ImageId, Mode, Plan, PlannedImage, Twin};

/// What was collected, before it is certain that every name is one image's.
#[derive(Debug, Clone)]
pub struct Draft {
    mode: Mode,
    entries: Vec<Entry>,
    blocked: Vec<Blocked>,
    reserved: Reserved,
}

#[derive(Debug, Clone)]
struct Entry {
    image: PlannedImage,
    rank: Rank,
    /// Who speaks for the image when its name is contested: of merged duplicates the strongest.
    claimant: Claimant,
}

/// A name that an image takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    /// In cache and archive.
    Cache(CacheName),
    /// At the destination, or below any while none is known.
    There(String),
}

impl Name {
    fn text(&self) -> String {
        match self {
            Self::Cache(name) => name.to_string(),
            Self::There(name) => name.clone(),
        }
    }

    /// The same without the tag, and the tag.
    fn split(&self) -> (Self, &str) {
        match self {
            Self::Cache(CacheName { repository, tag }) => {
                (Self::Cache(CacheName { repository: repository.clone(), tag: String::new() }), tag)
            }
            Self::There(name) => {
                let (repository, tag) = name.rsplit_once(':').unwrap_or((name, ""));
                (Self::There(repository.to_owned()), tag)
            }
        }
    }
}

/// What becomes of one image.
enum Verdict {
    /// It has its names.
    Holds,
    /// It is the same image as these, and has all its names in common with the one that is marked.
    SameAs(Vec<usize>, Option<usize>),
    /// Another image of its repository has its tag; it is named by its digest instead.
    NamedByDigest,
    /// Another image has one of its names.
    Loses(Collision),
}

impl Draft {
    /// Takes collected images: blocked ones leave, exact duplicates merge.
    ///
    /// Two images are the same when source, cache name and destination are: the first one's reason is kept, needs of both
    /// are united, and the platform filters too (an entry without filter means all platforms, so it widens the union to
    /// all: `docs/behaviour/operators-archive.md` 7.5, quirk 17).
    pub fn new(
        mode: Mode,
        collected: Vec<PlannedImage>,
        blocked_images: &[BlockedImage],
        destination: Option<&Destination>,
    ) -> Self {
        let mut blocked = Vec::new();
        let mut entries: Vec<Entry> = Vec::with_capacity(collected.len());
        let mut known: HashMap<ImageId, usize> = HashMap::new();
        for image in collected {
            if let Some(entry) = blocking(blocked_images, &image) {
                blocked.push(Blocked { origin: image.origin, pattern: entry.as_str().to_owned() });
                continue;
            }
            let rank = Rank::of(image.kind);
            let at = *known.entry(image.id.clone()).or_insert(entries.len());
            if at == entries.len() {
                entries.push(Entry { claimant: Claimant::of(&image, rank), image, rank });
                continue;
            }
            let kept = &mut entries[at];
            if rank < kept.rank {
                kept.rank = rank;
                kept.claimant = Claimant::of(&image, rank);
            }
            kept.image.kind = kept.image.kind.min(image.kind);
            merge(&mut kept.image, image);
        }
        for entry in &mut entries {
            // Blocked images are needed by nobody.
            entry.image.needs.retain(|need| known.contains_key(need));
        }
        Self { mode, entries, blocked, reserved: Reserved::new(destination) }
    }

    /// Notes what `blockedImages` kept out before there was an image.
    pub fn add_blocked(&mut self, blocked: Vec<Blocked>) {
        self.blocked.extend(blocked);
    }

    /// The images whose digests have to be looked up before [`Draft::settle`], by number: those that share a name with
    /// another image and are not known by a digest.
    pub fn undecided(&self) -> Vec<usize> {
        let mut claimants: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if self.reserved_name(entry).is_none() {
                self.names(&entry.image).into_iter().for_each(|name| claimants.entry(name).or_default().push(at));
            }
        }
        let contested: BTreeSet<usize> = claimants.into_values().filter(|all| all.len() > 1).flatten().collect();
        contested.into_iter().filter(|at| self.entries[*at].image.digest().is_none()).collect()
    }

    /// An image, by its number.
    ///
    /// # Panics
    /// When [`Draft::undecided`] did not name it.
    pub fn image(&self, number: usize) -> &PlannedImage {
        &self.entries[number].image
    }

    /// Gives every name to one image. `looked_up` has, for each number of [`Draft::undecided`], the digest that the image's
    /// source has now, or why that is not known.
    ///
    /// Images with equal digests and equal names become one image, unless a policy judges them `one_by_one` by where they
    /// come from. An image that a catalog or chart names and that cannot have its name stays in the plan as
    /// [`PlannedImage::refused`].
    ///
    /// # Errors
    /// When images that the configuration names itself, or images of releases, cannot have their names.
    pub fn settle(
        mut self,
        looked_up: &BTreeMap<usize, Result<Digest, String>>,
        one_by_one: bool,
    ) -> Result<Plan, Vec<Collision>> {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|at| (self.entries[*at].rank, *at));
        let mut held: HashMap<Name, usize> = HashMap::new();
        let mut collisions = Vec::new();
        let repositories = self.repositories();
        // Entries that are part of another one now.
        let mut twin_of: BTreeMap<usize, usize> = BTreeMap::new();
        for at in order {
            let mut names = self.names(&self.entries[at].image);
            let mut verdict = self.judge(at, &names, &held, &repositories, looked_up);
            if let Verdict::NamedByDigest = verdict {
                self.name_by_digest(at);
                names = self.names(&self.entries[at].image);
                verdict = self.judge(at, &names, &held, &repositories, looked_up);
            }
            match verdict {
                Verdict::Holds | Verdict::NamedByDigest => held.extend(names.into_iter().map(|name| (name, at))),
                Verdict::SameAs(others, twin) => {
                    others.into_iter().chain([at]).for_each(|at| self.pin(at, looked_up));
                    match twin.filter(|_| !one_by_one) {
                        Some(holder) => {
                            twin_of.insert(at, holder);
                        }
                        None => {
                            for name in names {
                                held.entry(name).or_insert(at);
                            }
                        }
                    }
                }
                Verdict::Loses(collision) if self.entries[at].rank == Rank::Found => {
                    self.entries[at].image.refused = Some(collision);
                }
                Verdict::Loses(collision) => collisions.push(collision),
            }
        }
        if !collisions.is_empty() {
            return Err(collisions);
        }
        // A bundle that fails with a related image must not take another catalog's bundle with it, the same image as it is.
        let refused = self.entries.iter().filter(|entry| entry.image.refused.is_some()).map(|entry| &entry.image.id);
        let refused: HashSet<ImageId> = refused.cloned().collect();
        let lacks = |at: &usize| self.entries[*at].image.needs.iter().any(|need| refused.contains(need));
        twin_of.retain(|twin, holder| !lacks(twin) && !lacks(holder));
        for (twin, holder) in &twin_of {
            let image = self.entries[*twin].image.clone();
            self.unite(*holder, image);
        }
        Ok(self.assemble(&twin_of))
    }

    /// The plan as it was collected: names may be claimed twice. For lists of what to delete and for explaining, where two
    /// images of one name do no harm.
    pub fn into_plan(self) -> Plan {
        self.assemble(&BTreeMap::new())
    }

    /// The names that an image takes.
    fn names(&self, image: &PlannedImage) -> Vec<Name> {
        let mut names = Vec::new();
        // Mirror to mirror keeps nothing in the cache but catalogs and what it builds.
        if self.mode != Mode::MirrorToMirror || image.built || image.destination.is_none() {
            names.push(Name::Cache(image.cache.clone()));
        }
        match (&image.destination, &image.catalog) {
            (Some(destination), _) => names.push(Name::There(destination.to_string())),
            (None, Some(catalog)) if self.mode == Mode::MirrorToDisk => {
                names.extend(catalog.published.as_ref().map(|name| Name::There(name.to_string())));
            }
            (None, None) if self.mode == Mode::MirrorToDisk => names.push(Name::There(image.cache.to_string())),
            (None, _) => {}
        }
        names
    }

    /// The reserved repository that an image would be in without being part of a release, and the name it would have.
    fn reserved_name(&self, entry: &Entry) -> Option<(&'static str, String)> {
        if entry.rank == Rank::Release {
            return None;
        }
        let there =
            entry.image.destination.as_ref().and_then(|destination| {
                Some((self.reserved.at_destination(destination.path())?, destination.to_string()))
            });
        there.or_else(|| Some((Reserved::in_cache(&entry.image.cache.repository)?, entry.image.cache.to_string())))
    }

    /// The images of each repository, without those that are in a place of releases or named like a signature.
    fn repositories(&self) -> HashMap<Name, Vec<usize>> {
        let mut repositories: HashMap<Name, Vec<usize>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if self.reserved_name(entry).is_some() {
                continue;
            }
            for name in self.names(&entry.image) {
                let (repository, tag) = name.split();
                if attachment::subject(tag).is_none() {
                    repositories.entry(repository).or_default().push(at);
                }
            }
        }
        repositories
    }

    /// When an image is named like a signature: the name, and an image of another source in the same repository that is not
    /// weaker. Its signatures have such tags. A signature that is named as it is in the image's own repository is the one
    /// that travels with the image.
    fn signed_there<'n>(
        &self,
        at: usize,
        names: &'n [Name],
        repositories: &HashMap<Name, Vec<usize>>,
    ) -> Option<(&'n Name, usize)> {
        let entry = &self.entries[at];
        let source = &entry.image.source;
        names.iter().find_map(|name| {
            let (repository, tag) = name.split();
            attachment::subject(tag)?;
            let in_place = |other: &Entry| {
                source.transport() == other.image.source.transport()
                    && source.name() == other.image.source.name()
                    && source.tag() == Some(tag)
            };
            let other = repositories.get(&repository)?.iter().copied().find(|other| {
                let other = &self.entries[*other];
                other.rank <= entry.rank && !in_place(other)
            })?;
            Some((name, other))
        })
    }

    fn judge(
        &self,
        at: usize,
        names: &[Name],
        held: &HashMap<Name, usize>,
        repositories: &HashMap<Name, Vec<usize>>,
        looked_up: &BTreeMap<usize, Result<Digest, String>>,
    ) -> Verdict {
        let entry = &self.entries[at];
        if let Some((repository, name)) = self.reserved_name(entry) {
            let (loser, repository) = (entry.claimant.clone(), repository.to_owned());
            return Verdict::Loses(Collision { name, loser, holder: Holder::Releases { repository } });
        }
        if let Some((name, of)) = self.signed_there(at, names, repositories) {
            let of = self.entries[of].claimant.clone();
            let loser = entry.claimant.clone();
            return Verdict::Loses(Collision { name: name.text(), loser, holder: Holder::Signatures { of } });
        }
        let mut same = Vec::new();
        for name in names {
            let Some(holder) = held.get(name).copied() else { continue };
            let other = &self.entries[holder];
            let difference = match (self.digest(at, looked_up), self.digest(holder, looked_up)) {
                (Ok(digest), Ok(of_holder)) if digest == of_holder => {
                    same.push(holder);
                    continue;
                }
                (Ok(_), Ok(_)) if self.gives_way(at, holder) => return Verdict::NamedByDigest,
                (Ok(digest), Ok(of_holder)) => Difference::Digests(digest, of_holder),
                (Err(reason), _) | (_, Err(reason)) => Difference::Unknown(reason),
            };
            let folded = other.image.cache != entry.image.cache && other.image.catalog.is_none();
            let folded = folded && entry.image.catalog.is_none();
            let holder = Holder::Image { image: other.claimant.clone(), difference, folded };
            return Verdict::Loses(Collision { name: name.text(), loser: entry.claimant.clone(), holder });
        }
        if same.is_empty() {
            return Verdict::Holds;
        }
        // With a name of its own beside the common one it has to be there by itself.
        let twin = same.iter().copied().find(|holder| self.names(&self.entries[*holder].image) == names);
        Verdict::SameAs(same, twin)
    }

    /// Whether an image leaves its tag to another image of its own source repository: both are known by digest, and whoever
    /// pulls them pulls the digest, as operators do whose bundles name one tag with several digests.
    fn gives_way(&self, at: usize, holder: usize) -> bool {
        let (image, holder) = (&self.entries[at].image, &self.entries[holder].image);
        let by_digest = image.source.digest().map(Digest::as_tag).filter(|tag| is_valid_tag(tag));
        image.tag_may_give_way
            && by_digest.is_some_and(|tag| tag != image.cache.tag)
            && holder.source.digest().is_some()
            && image.source.transport() == holder.source.transport()
            && image.source.name() == holder.source.name()
            && image.cache.repository == holder.cache.repository
    }

    fn name_by_digest(&mut self, at: usize) {
        let image = &mut self.entries[at].image;
        let Some(tag) = image.source.digest().map(Digest::as_tag) else { return };
        image.destination = image.destination.as_ref().map(|destination| destination.with_tag(&tag));
        image.cache.tag = tag;
    }

    fn digest(&self, at: usize, looked_up: &BTreeMap<usize, Result<Digest, String>>) -> Result<Digest, String> {
        if let Some(digest) = self.entries[at].image.digest() {
            return Ok(digest.clone());
        }
        let unasked = || Err("nobody asked for its digest".to_owned());
        looked_up.get(&at).cloned().unwrap_or_else(unasked)
    }

    /// Binds an image to the digest that was looked up: what was compared is what is copied, also when its tag moves
    /// meanwhile, or its registry told one digest and would send another.
    fn pin(&mut self, at: usize, looked_up: &BTreeMap<usize, Result<Digest, String>>) {
        let from_archive = self.mode == Mode::DiskToMirror;
        let image = &mut self.entries[at].image;
        if let Some(Ok(digest)) = looked_up.get(&at)
            && image.source.transport() == &Transport::Docker
            && !image.built
            && !from_archive
        {
            image.source = image.source.with_digest(digest.clone());
        }
    }

    /// Makes `twin` a part of the image of `holder`.
    fn unite(&mut self, holder: usize, twin: PlannedImage) {
        let image = &mut self.entries[holder].image;
        image.twins.push(Twin {
            kind: twin.kind,
            origin: twin.origin.clone(),
            named: twin.named.clone(),
            source: twin.source.clone(),
        });
        merge(image, twin);
    }

    /// Brings the images in copying order. What needs a twin needs the image that stands for it.
    fn assemble(self, twin_of: &BTreeMap<usize, usize>) -> Plan {
        let id = |at: &usize| self.entries[*at].image.id.clone();
        let stands_for: HashMap<ImageId, ImageId> =
            twin_of.iter().map(|(twin, holder)| (id(twin), id(holder))).collect();
        let entries = self.entries.into_iter().enumerate().filter(|(at, _)| !twin_of.contains_key(at));
        let mut images: Vec<PlannedImage> = entries.map(|(_, entry)| entry.image).collect();
        images.sort_by_key(copied_as);
        let place: HashMap<ImageId, usize> =
            images.iter().enumerate().map(|(at, image)| (image.id.clone(), at)).collect();
        for (at, image) in images.iter_mut().enumerate() {
            let needs = std::mem::take(&mut image.needs).into_iter();
            let needs = needs.map(|need| stands_for.get(&need).cloned().unwrap_or(need));
            // What one catalog calls a bundle, another may call a related image. An image waits only for what stands
            // before it, so that no two images can wait for each other.
            let mut needs: Vec<(usize, ImageId)> =
                needs.filter_map(|need| Some((*place.get(&need)?, need))).filter(|(need, _)| *need < at).collect();
            needs.sort_unstable();
            needs.dedup();
            image.needs = needs.into_iter().map(|(_, need)| need).collect();
        }
        Plan { mode: self.mode, images, blocked: self.blocked, catalogs: Vec::new() }
    }
}

/// The role that decides when an image is copied: that of the twin that others wait for first.
fn copied_as(image: &PlannedImage) -> crate::ImageKind {
    image.twins.iter().map(|twin| twin.kind).fold(image.kind, Ord::min)
}

fn merge(kept: &mut PlannedImage, other: PlannedImage) {
    if kept.platforms.is_empty() || other.platforms.is_empty() {
        kept.platforms.clear();
    } else {
        for platform in other.platforms {
            if !kept.platforms.contains(&platform) {
                kept.platforms.push(platform);
            }
        }
    }
    for need in other.needs {
        if !kept.needs.contains(&need) {
            kept.needs.push(need);
        }
    }
    for part_of in other.operators {
        if !kept.operators.contains(&part_of) {
            kept.operators.push(part_of);
        }
    }
    for bundle in other.bundles {
        if !kept.bundles.contains(&bundle) {
            kept.bundles.push(bundle);
        }
    }
    kept.release = kept.release.take().or(other.release);
    kept.component = kept.component.take().or(other.component);
    kept.twins.extend(other.twins);
    // One catalog that an entry takes whole and another filtered.
    if let (Some(kept), Some(other)) = (&mut kept.catalog, other.catalog)
        && kept.published.is_none()
    {
        kept.published = other.published;
    }
}
