//! What can be said about a request without looking at a catalog.

use std::collections::HashSet;

use super::error::SelectError;
use crate::bound::Bound;
use crate::request::{PackageRequest, Request, RuleSet};

pub(crate) fn check(request: &Request, rules: RuleSet) -> Vec<SelectError> {
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    for package in &request.packages {
        if !seen.insert(&package.name) {
            errors.push(SelectError::DuplicatePackage { package: package.name.clone() });
        }
        check_package(package, request.full, rules, &mut errors);
    }
    errors
}

fn check_package(package: &PackageRequest, full: bool, rules: RuleSet, errors: &mut Vec<SelectError>) {
    let name = || package.name.clone();
    let mut seen = HashSet::new();
    for channel in &package.channels {
        if !seen.insert(&channel.name) {
            errors.push(SelectError::DuplicateChannel { package: name(), channel: channel.name.clone() });
        }
    }
    let mut bound = |channel: Option<&String>, field: &'static str, value: Option<&String>| {
        if let Some(value) = set(value)
            && Bound::parse(value).is_none()
        {
            let (channel, value) = (channel.cloned(), value.to_owned());
            errors.push(SelectError::Bound { package: name(), channel, field, value });
        }
    };
    bound(None, "minVersion", package.min_version.as_ref());
    bound(None, "maxVersion", package.max_version.as_ref());
    for channel in &package.channels {
        bound(Some(&channel.name), "minVersion", channel.min_version.as_ref());
        bound(Some(&channel.name), "maxVersion", channel.max_version.as_ref());
    }
    let package_range = set(package.min_version.as_ref()).or(set(package.max_version.as_ref())).is_some();
    let channel_range = package
        .channels
        .iter()
        .any(|channel| set(channel.min_version.as_ref()).or(set(channel.max_version.as_ref())).is_some());
    if !package.bundles.is_empty() {
        if package_range || !package.channels.is_empty() {
            errors.push(SelectError::BundlesAndMore { package: name() });
        }
        if full {
            errors.push(SelectError::BundlesAndFull { package: name() });
        }
    }
    if full && (package_range || channel_range) {
        errors.push(SelectError::FullAndRange { package: name() });
    }
    if package_range && channel_range {
        errors.push(SelectError::MixedRanges { package: name() });
    } else if package_range && !package.channels.is_empty() && rules == RuleSet::VersionRange {
        errors.push(SelectError::ChannelsAndPackageRange { package: name() });
    }
}

/// The bound when there is one: an empty text is none.
pub(crate) fn set(bound: Option<&String>) -> Option<&str> {
    bound.map(String::as_str).filter(|text| !text.is_empty())
}
