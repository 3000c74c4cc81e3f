//! Links between documents: each leads to a file that is there, and behind `#` to a heading of that file.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use crate::files;

/// Documents by their path from the root.
pub(crate) type Documents = BTreeMap<PathBuf, String>;

/// Reads the documents at the root and below `docs`.
pub(crate) fn documents(root: &Path) -> anyhow::Result<Documents> {
    let mut documents = Documents::new();
    for path in files::below(root, |_| false)?.into_iter().chain(files::below(&root.join("docs"), |_| true)?) {
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            documents.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), text);
        }
    }
    Ok(documents)
}

/// Links of the documents that lead nowhere.
pub(crate) fn check(root: &Path, documents: &Documents) -> Vec<String> {
    faults(documents, &|path| root.join(path).exists())
}

fn faults(documents: &Documents, exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in documents {
        for (number, target) in links(text) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let place = if file.is_empty() { path.clone() } else { joined(path, file) };
            let wrong = if !exists(&place) {
                "there is no such file"
            } else if heading.is_empty()
                || documents.get(&place).is_none_or(|text| headings(text).any(|h| h == heading))
            {
                continue;
            } else {
                "there is no such heading"
            };
            faults.push(format!("{}:{number}: link `{target}`: {wrong}", path.display()));
        }
    }
    faults
}

/// `file`, as a document at `from` names it.
fn joined(from: &Path, file: &str) -> PathBuf {
    let mut place = PathBuf::new();
    for part in from.parent().unwrap_or(Path::new("")).join(file).components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            Component::CurDir => {}
            part => place.push(part),
        }
    }
    place
}

/// The targets of links and pictures outside of code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for part in line.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')')
                && !target.is_empty()
                && !target.contains(char::is_whitespace)
            {
                found.push((number, target));
            }
        }
    }
    found
}

/// The anchors of headings, as code hosts and mdBook make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// The lines that are no code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((at + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_links_lead() {
        let check = |line: &str, expected: &[&str]| {
            let documents = BTreeMap::from([
                (PathBuf::from("docs/guide/a.md"), format!("# A `first` one, really\n\n{line}\n")),
                (PathBuf::from("docs/b.md"), "# B\n\n```\n# no heading\n```\n".to_owned()),
            ]);
            let exists = |path: &Path| documents.contains_key(path) || path == Path::new("docs/picture.svg");
            assert_eq!(faults(&documents, &exists), expected, "{line}");
        };
        check("[b](../b.md) and [b](../b.md#b)", &[]);
        check("[here](#a-first-one-really) ![picture](../picture.svg) [web](https://x.example/#y)", &[]);
        check("[c](c.md)", &["docs/guide/a.md:3: link `c.md`: there is no such file"]);
        check("[b](../b.md#no-heading)", &["docs/guide/a.md:3: link `../b.md#no-heading`: there is no such heading"]);
        check("[a](#second)", &["docs/guide/a.md:3: link `#second`: there is no such heading"]);
        check("```\n[c](c.md)\n```", &[]);
    }
}
