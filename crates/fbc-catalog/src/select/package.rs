//! One package: which channels count, what is wanted of each, and which one is the default afterwards.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::channel::{Bridge, ChannelView, Kept, Wanted};
use super::check::set;
use super::error::SelectError;
use super::nearest::EmptyAdvice;
use super::report::{Kind, NotFound, Report, Warning};
use super::view::{PackageView, Versions};
use crate::bound::{Bound, Bounds};
use crate::catalog::Channel;
use crate::graph::Graph;
use crate::near::near;
use crate::request::{PackageRequest, Request, RuleSet};
use crate::version::cmp_precedence;

/// What is kept of a package.
#[derive(Debug)]
pub(crate) struct PackageSelection<'a> {
    pub(crate) default_channel: String,
    /// By position of the channel in the catalog: the names of the kept entries.
    pub(crate) channels: BTreeMap<usize, HashSet<&'a str>>,
}

/// Which channel the result shall start from.
enum DefaultChannel<'a> {
    /// This one; without it the selection fails.
    Is(&'a str),
    /// Whichever suits best, because the catalog's own one is not among the selected.
    Choose,
    /// The catalog's word, right or wrong (whole catalog under the upgrade graph rules, case W41).
    AsItIs(&'a str),
}

/// The channels that are requested, by name.
fn channel_names(request: &PackageRequest) -> Vec<String> {
    request.channels.iter().map(|channel| channel.name.clone()).collect()
}

/// Selects from one package; `wanted` is absent when the whole catalog is asked for.
pub(crate) fn select_package<'a>(
    name: &'a str,
    view: &PackageView<'a>,
    wanted: Option<&PackageRequest>,
    whole: &Request,
    rules: RuleSet,
    report: &mut Report,
) -> Result<PackageSelection<'a>, Vec<SelectError>> {
    let (full, strict) = (whole.full, whole.strict);
    let unrequested = PackageRequest::default();
    let request = wanted.unwrap_or(&unrequested);
    let bounds_of_package = bounds(request.min_version.as_ref(), request.max_version.as_ref());
    let channels = candidate_channels(view, request);
    report_unknown_names(name, view, request, report);
    if !request.channels.is_empty() && channels.is_empty() && rules == RuleSet::VersionRange {
        return Err(vec![SelectError::NothingExists {
            package: name.into(),
            what: "channels",
            asked: channel_names(request),
            near: view.channel_names(),
        }]);
    }
    let default =
        default_channel(name, view, request, wanted.is_some(), &channels, rules).map_err(|error| vec![error])?;
    let names: HashSet<&str> = request.bundles.iter().map(String::as_str).collect();
    let head_only_of_default =
        rules == RuleSet::VersionRange && request.channels.is_empty() && !full && names.is_empty();
    let versions = versions_if_needed(view, request, rules)?;

    let mut errors = Vec::new();
    let mut kept_channels = BTreeMap::new();
    let mut emptied: Vec<(&Channel, Option<Bounds>)> = Vec::new();
    let mut unlisted: BTreeSet<&str> = BTreeSet::new();
    for (index, channel) in channels {
        if head_only_of_default && !matches!(default, DefaultChannel::Is(default) if default == channel.name) {
            continue;
        }
        let asked = request.channels.iter().find(|asked| asked.name == channel.name);
        let range = asked
            .and_then(|asked| bounds(asked.min_version.as_ref(), asked.max_version.as_ref()))
            .or(bounds_of_package.clone());
        let wanted = match &range {
            _ if full => Wanted::Everything,
            _ if !names.is_empty() => Wanted::Bundles(&names),
            Some(range) => Wanted::Range(range),
            None => Wanted::Head,
        };
        match (ChannelView { channel, versions: &versions, rules, strict }).keep(wanted) {
            Ok(kept) if kept.entries.is_empty() && matches!(wanted, Wanted::Range(_) | Wanted::Bundles(_)) => {
                emptied.push((channel, range.filter(|_| names.is_empty())));
            }
            Ok(Kept { entries, unlisted: mut more, bridge }) => {
                if let Some(Bridge { added, faults }) = bridge {
                    report.warnings.push(Warning::Bridged {
                        package: name.into(),
                        channel: channel.name.clone(),
                        range: range.as_ref().filter(|_| names.is_empty()).map(Bounds::text),
                        faults,
                        added: added.into_iter().map(str::to_owned).collect(),
                    });
                }
                unlisted.append(&mut more);
                kept_channels.insert(index, entries);
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if kept_channels.is_empty() && !names.is_empty() && names.iter().all(|name| !view.bundles.contains_key(name)) {
        let mut near: Vec<String> =
            request.bundles.iter().flat_map(|wanted| near(wanted, view.bundles.keys().copied())).collect();
        let mut seen = HashSet::new();
        near.retain(|name| seen.insert(name.clone()));
        let asked = request.bundles.clone();
        return Err(vec![SelectError::NothingExists { package: name.into(), what: "bundles", asked, near }]);
    }
    let default_channel =
        settle_default(name, view, request, &default, &kept_channels, &emptied, &versions, rules, report)?;
    if names.is_empty() {
        report.warnings.extend(emptied.iter().map(|(channel, range)| Warning::ChannelRemoved {
            package: name.into(),
            channel: channel.name.clone(),
            range: range.as_ref().map(Bounds::text).unwrap_or_default(),
        }));
    }
    let listed: HashSet<&str> = kept_channels.values().flatten().copied().collect();
    for bundle in unlisted.into_iter().filter(|bundle| !listed.contains(bundle)) {
        report.warnings.push(Warning::UnlistedBundleDropped { package: name.into(), bundle: bundle.into() });
    }
    Ok(PackageSelection { default_channel, channels: kept_channels })
}

fn bounds(min: Option<&String>, max: Option<&String>) -> Option<Bounds> {
    let parse = |bound| set(bound).and_then(Bound::parse);
    let bounds = Bounds { min: parse(min), max: parse(max) };
    (bounds.min.is_some() || bounds.max.is_some()).then_some(bounds)
}

fn candidate_channels<'a>(view: &PackageView<'a>, request: &PackageRequest) -> Vec<(usize, &'a Channel)> {
    let asked: HashSet<&str> = request.channels.iter().map(|channel| channel.name.as_str()).collect();
    let is_asked = |channel: &Channel| asked.is_empty() || asked.contains(channel.name.as_str());
    view.channels.iter().copied().filter(|(_, channel)| is_asked(channel)).collect()
}

fn report_unknown_names(name: &str, view: &PackageView<'_>, request: &PackageRequest, report: &mut Report) {
    let mut unknown = |kind, wanted: &str, near| {
        report.not_found.push(NotFound { kind, package: name.into(), name: wanted.into(), near });
    };
    for channel in request.channels.iter().filter(|channel| !view.has_channel(&channel.name)) {
        let names = view.channels.iter().map(|(_, channel)| channel.name.as_str());
        unknown(Kind::Channel, &channel.name, near(&channel.name, names));
    }
    for bundle in request.bundles.iter().filter(|bundle| !view.bundles.contains_key(bundle.as_str())) {
        unknown(Kind::Bundle, bundle, near(bundle, view.bundles.keys().copied()));
    }
}

fn default_channel<'a, 'r: 'a>(
    name: &str,
    view: &PackageView<'a>,
    request: &'r PackageRequest,
    requested: bool,
    channels: &[(usize, &'a Channel)],
    rules: RuleSet,
) -> Result<DefaultChannel<'a>, SelectError> {
    let is_candidate = |name: &str| channels.iter().any(|(_, channel)| channel.name == name);
    let kept = || channels.iter().map(|(_, channel)| channel.name.clone()).collect::<Vec<_>>();
    let package = name.to_owned();
    if let Some(wanted) = set(request.default_channel.as_ref()) {
        return if is_candidate(wanted) {
            Ok(DefaultChannel::Is(wanted))
        } else {
            Err(SelectError::OverrideNotKept { package, channel: wanted.into(), kept: kept() })
        };
    }
    let original = view.default_channel;
    match rules {
        RuleSet::UpgradeGraph if !requested || original.is_empty() => Ok(DefaultChannel::AsItIs(original)),
        _ if is_candidate(original) && !original.is_empty() && request.bundles.is_empty() => {
            Ok(DefaultChannel::Is(original))
        }
        RuleSet::UpgradeGraph if is_candidate(original) => Ok(DefaultChannel::Is(original)),
        RuleSet::UpgradeGraph => Err(SelectError::DefaultNotKept { package, channel: original.into(), kept: kept() }),
        RuleSet::VersionRange if !request.channels.is_empty() || !request.bundles.is_empty() => {
            Ok(DefaultChannel::Choose)
        }
        // Without a default channel a package of one channel is still clear.
        RuleSet::VersionRange => match channels {
            [(_, only)] if original.is_empty() => Ok(DefaultChannel::Is(&only.name)),
            _ => Err(SelectError::NoDefault { package, channel: original.into(), channels: view.channel_names() }),
        },
    }
}

fn versions_if_needed<'a>(
    view: &PackageView<'a>,
    request: &PackageRequest,
    rules: RuleSet,
) -> Result<Versions<'a>, Vec<SelectError>> {
    let versions = view.versions();
    // The upgrade graph rules look at every bundle of a package they touch (`docs/behaviour/operators-archive.md` 2.2).
    if rules == RuleSet::UpgradeGraph && request.bundles.is_empty() {
        let mut broken: Vec<_> =
            versions.iter().filter_map(|(name, version)| Some((*name, version.as_ref().err()?.clone()))).collect();
        if !broken.is_empty() {
            broken.sort_by_key(|(name, _)| *name);
            return Err(broken.into_iter().map(|(_, error)| SelectError::BundleVersion(error)).collect());
        }
    }
    Ok(versions)
}

#[allow(clippy::too_many_arguments, reason = "the last step looks at everything the steps before it found")]
fn settle_default<'a>(
    name: &str,
    view: &PackageView<'a>,
    request: &PackageRequest,
    default: &DefaultChannel<'_>,
    kept: &BTreeMap<usize, HashSet<&'a str>>,
    emptied: &[(&'a Channel, Option<Bounds>)],
    versions: &Versions<'a>,
    rules: RuleSet,
    report: &mut Report,
) -> Result<String, Vec<SelectError>> {
    let is_kept =
        |wanted: &str| view.channels.iter().any(|(index, channel)| channel.name == wanted && kept.contains_key(index));
    let kept_names = || {
        let kept = view.channels.iter().filter(|(index, _)| kept.contains_key(index));
        kept.map(|(_, channel)| channel.name.clone()).collect::<Vec<_>>()
    };
    let empty = |channel: &'a Channel, range: Option<&Bounds>| {
        let (package, kept) = (name.to_owned(), kept_names());
        let channel_name = channel.name.clone();
        let Some(range) = range else {
            return vec![SelectError::BundlesOutsideDefault { package, channel: channel_name, kept }];
        };
        let (lowest, highest) = ChannelView { channel, versions, rules, strict: true }.extent();
        let advice = EmptyAdvice::of(view, versions, (&channel.name, range), request, &kept, rules);
        vec![SelectError::EmptyChannel { package, channel: channel_name, range: range.text(), lowest, highest, advice }]
    };
    match default {
        DefaultChannel::Is(default) | DefaultChannel::AsItIs(default) => {
            let emptied_default = emptied.iter().find(|(channel, _)| channel.name == *default);
            if let (Some((channel, range)), false) = (emptied_default, is_kept(default)) {
                return Err(empty(channel, range.as_ref()));
            }
            if let (true, Some((channel, range))) = (kept.is_empty(), emptied.first()) {
                return Err(empty(channel, range.as_ref()));
            }
            if view.default_channel.is_empty() && !default.is_empty() {
                report.warnings.push(Warning::DefaultChannelChanged {
                    package: name.into(),
                    original: String::new(),
                    chosen: (*default).into(),
                });
            }
            Ok((*default).to_owned())
        }
        DefaultChannel::Choose if is_kept(view.default_channel) => Ok(view.default_channel.to_owned()),
        DefaultChannel::Choose => {
            let head_version = |channel: &Channel, names: &HashSet<&str>| {
                let kept = channel.entries.iter().filter(|entry| names.contains(entry.name.as_str()));
                let heads = Graph::new(kept).heads();
                let known = |name: &str| versions.get(name).and_then(|version| version.as_ref().ok()).cloned();
                heads.iter().filter_map(|head| known(&head.name)).max_by(cmp_precedence)
            };
            let candidates = view
                .channels
                .iter()
                .filter_map(|(index, channel)| Some((head_version(channel, kept.get(index)?), *channel)));
            // The highest head; of equals the first by name.
            let chosen = candidates.max_by(|(left, a), (right, b)| {
                let by_version = match (left, right) {
                    (Some(left), Some(right)) => cmp_precedence(left, right),
                    _ => left.is_some().cmp(&right.is_some()),
                };
                by_version.then_with(|| b.name.cmp(&a.name))
            });
            let Some((_, chosen)) = chosen else {
                return Err(match emptied.first() {
                    Some((channel, range)) => empty(channel, range.as_ref()),
                    None => vec![SelectError::NothingExists {
                        package: name.into(),
                        what: "channels",
                        asked: channel_names(request),
                        near: view.channel_names(),
                    }],
                });
            };
            report.warnings.push(Warning::DefaultChannelChanged {
                package: name.into(),
                original: view.default_channel.to_owned(),
                chosen: chosen.name.clone(),
            });
            Ok(chosen.name.clone())
        }
    }
}
