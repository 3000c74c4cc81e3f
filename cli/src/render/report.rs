//! A plan as one page, for the people who approve: HTML with pictures in it, without script and without a request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mirror_engine::size;
use mirror_plan::{Family, ImageKind};
use plan_document::{Diff, Document, Image};
use semver::Version;

use super::escape::text;
use super::releases::{releases, update_words};
use super::treemap::{Cell, squarify};

/// How many tiles the picture of sizes has, the rest together in one more.
const TILES: usize = 40;

/// Up to so many changes are shown without a click.
const OPEN: usize = 60;

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#f2f4f7;--line:#c9d1d9;--new:#116329;--gone:#a40e26;--warn:#7a4100;--a:#2f6fb3}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#161b22;--line:#3d444d;--new:#56d364;--gone:#ff7b72;--warn:#e3b341;--a:#58a6ff}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:1rem;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}\
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:.8rem 0 .2rem}\
code,.m{font-family:ui-monospace,monospace;font-size:.86em;overflow-wrap:anywhere}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}\
dt{color:var(--warn)}dd{margin:0;overflow-wrap:anywhere}.w{overflow-x:auto}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;padding:.15rem .5rem .15rem 0;vertical-align:top;overflow-wrap:break-word}th{white-space:nowrap}td.m{min-width:9rem}tr+tr{border-top:1px solid var(--line)}\
.n{color:var(--new)}.g{color:var(--gone)}.r{white-space:nowrap;text-align:right}svg{width:100%;height:auto;background:var(--soft)}svg.f{width:auto;max-width:none}svg.t{min-width:60rem}\
svg text{fill:var(--fg);font:12px system-ui,sans-serif}summary{cursor:pointer}@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}";

/// The page of a plan, with what changed since an earlier one.
pub fn html(document: &Document, against: Option<(&Document, &Diff)>) -> String {
    let mut page = String::with_capacity(4096 + document.images.len() * 320);
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    // Without an icon, a browser asks for one.
    page.push_str("<link rel=\"icon\" href=\"data:,\">");
    let _ =
        writeln!(page, "<title>Plan for {}</title><style>{STYLE}</style></head><body>", text(&document.destination));
    head(&mut page, document);
    if let Some((old, diff)) = against {
        changes(&mut page, old, diff);
    }
    warnings(&mut page, document);
    releases(&mut page, document);
    operators(&mut page, document);
    sizes(&mut page, document);
    images(&mut page, document);
    page.push_str("</body></html>\n");
    page
}

fn head(page: &mut String, document: &Document) {
    let totals = document.totals;
    let _ = write!(page, "<h1>Plan for <code>{}</code></h1>\n<dl>", text(&document.destination));
    let signed =
        document.images.iter().filter(|image| image.attached.as_ref().is_some_and(|all| !all.is_empty())).count();
    let rows = [
        ("id", format!("<code>{}</code>", document.id)),
        ("made", format!("{} by {}", text(&document.created), text(&document.tool))),
        ("mode", text(document.mode.as_str())),
        ("images", format!("{}, {signed} of them with signatures or other artifacts", totals.images)),
        ("to transfer at most", format!("{} in {} blobs", size(totals.bytes), totals.blobs)),
        ("shared by images", format!("{} in {} blobs", size(totals.shared_bytes), totals.shared_blobs)),
    ];
    for (name, value) in rows {
        let _ = write!(page, "<dt>{name}</dt><dd>{value}</dd>");
    }
    for catalog in &document.catalogs {
        let _ = write!(page, "<dt>catalog</dt><dd><code>{}</code></dd>", text(&catalog.catalog.to_string()));
    }
    page.push_str("</dl>\n");
}

/// How much two plans differ, in numbers.
pub fn totals(diff: &Diff) -> String {
    format!(
        "{} images added, {} removed, {} changed. New blobs: {}, {}. Blobs no longer needed: {}, {}.",
        diff.added.len(),
        diff.removed.len(),
        diff.changed.len(),
        diff.new_blobs,
        size(diff.new_bytes),
        diff.gone_blobs,
        size(diff.gone_bytes)
    )
}

fn changes(page: &mut String, old: &Document, diff: &Diff) {
    let _ = writeln!(page, "<h2>What is new since {}</h2>", text(&old.created));
    if diff.equal {
        page.push_str("<p>Nothing: the plans are equal.</p>\n");
        return;
    }
    let _ = write!(
        page,
        "<p>{}</p>\n<details{}><summary>Each of them</summary><div class=w><table>",
        totals(diff),
        // A long list is there for whoever asks.
        if diff.added.len() + diff.removed.len() + diff.changed.len() + diff.updates.len() <= OPEN {
            " open"
        } else {
            ""
        }
    );
    let mut row = |class: &str, sign: &str, name: &str, what: &str, bytes: u64| {
        let _ = write!(
            page,
            "<tr><td class={class}>{sign}</td><td class=m>{}</td><td>{}</td><td class=r>{}</td></tr>",
            text(name),
            text(what),
            size(bytes)
        );
    };
    for entry in &diff.added {
        row("n", "+", &entry.name, &entry.why, entry.bytes);
    }
    for change in &diff.changed {
        let what = if change.old_why == change.new.why {
            change.differences.join(", ")
        } else {
            format!("{} -> {}", change.old_why, change.new.why)
        };
        row("n", "~", &change.new.name, &what, change.new.bytes);
    }
    for entry in &diff.removed {
        row("g", "-", &entry.name, &entry.why, entry.bytes);
    }
    for change in &diff.updates {
        let (sign, update, condition) = update_words(change);
        row(if sign == "-" { "g" } else { "n" }, sign, &update, &condition, 0);
    }
    for member in &diff.members {
        row("n", "~", member, "changed", 0);
    }
    page.push_str("</table></div></details>\n");
}

fn warnings(page: &mut String, document: &Document) {
    let mut lines = Vec::new();
    let unread = document.images.iter().filter(|image| image.error.is_some());
    lines.extend(unread.map(|image| format!("{}: {}", image.name, image.error.as_deref().unwrap_or_default())));
    lines.extend(
        document.blocked.iter().map(|one| format!("{} is kept out by blockedImages `{}`", one.origin, one.pattern)),
    );
    if !document.built_blobs.is_empty() {
        let bytes = document.built_blobs.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        lines.push(format!(
            "{} blobs ({}) were built by oc-mirror: rebuilt catalogs, the update graph",
            document.built_blobs.len(),
            size(bytes)
        ));
    }
    if lines.is_empty() {
        return;
    }
    page.push_str("<h2>Worth a look</h2>\n<ul>");
    for line in lines {
        let _ = write!(page, "<li>{}</li>", text(&line));
    }
    page.push_str("</ul>\n");
}

fn operators(page: &mut String, document: &Document) {
    let mut rows: BTreeMap<ChannelKey<'_>, BTreeSet<Listed<'_>>> = BTreeMap::new();
    let bundle_images = document.images.iter().filter(|image| image.kind == ImageKind::OperatorBundle);
    for image in bundle_images {
        for bundle in &image.bundles {
            let listed = |head| Listed {
                order: bundle.version.as_deref().and_then(|version| Version::parse(version).ok()),
                name: &bundle.name,
                version: bundle.version.as_deref(),
                head,
            };
            let channels = bundle.channels.iter().map(|channel| (channel.name.as_str(), channel.head));
            // A bundle that no channel lists is there because something asks for it by name.
            let alone = bundle.channels.is_empty().then_some(("-", false));
            for (channel, head) in channels.chain(alone) {
                rows.entry((&bundle.package, &bundle.catalog, channel)).or_default().insert(listed(head));
            }
        }
        // A plan of an earlier version knows the operator and no more.
        for used in image.operators.iter().filter(|_| image.bundles.is_empty()) {
            let listed = Listed { order: None, name: &used.bundle, version: None, head: false };
            rows.entry((&used.operator, "-", "-")).or_default().insert(listed);
        }
    }
    if rows.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Operators</h2>\n<p>A bold bundle is the head of its channel in the catalog that clusters get.</p>\n<div class=w><table>\
         <tr><th>package</th><th>channel</th><th>bundles</th><th>catalog</th></tr>",
    );
    for ((package, catalog, channel), bundles) in rows {
        let bundles: Vec<String> = bundles.iter().map(Listed::html).collect();
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=m>{}</td><td class=m>{}</td></tr>",
            text(package),
            text(channel),
            bundles.join(", "),
            text(catalog)
        );
    }
    page.push_str("</table></div>\n");
}

/// A channel: package, catalog, name.
type ChannelKey<'a> = (&'a str, &'a str, &'a str);

/// A bundle in a channel, in the order of its version.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Listed<'a> {
    order: Option<Version>,
    name: &'a str,
    version: Option<&'a str>,
    head: bool,
}

impl Listed<'_> {
    fn html(&self) -> String {
        let mut shown = text(self.name);
        // Most names of bundles end with their version.
        if let Some(version) = self.version.filter(|version| !self.name.ends_with(version)) {
            let _ = write!(shown, " ({})", text(version));
        }
        if self.head { format!("<b>{shown}</b>") } else { shown }
    }
}

/// What takes the room: bytes that belong to one operator or one kind alone, and those that images share.
fn sizes(page: &mut String, document: &Document) {
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    for (image, (_, own)) in document.images.iter().zip(document.bytes_of_images()) {
        let bytes = groups.entry(group(image)).or_default();
        *bytes = bytes.saturating_add(own);
    }
    let shared = groups.entry("shared by images".to_owned()).or_default();
    *shared = shared.saturating_add(document.totals.shared_bytes);
    let mut groups: Vec<(String, u64)> = groups.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    groups.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    if groups.is_empty() {
        return;
    }
    if groups.len() > TILES {
        let rest = groups.split_off(TILES);
        let bytes = rest.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        groups.push((format!("{} others", rest.len()), bytes));
    }
    let sizes: Vec<u64> = groups.iter().map(|(_, bytes)| *bytes).collect();
    page.push_str("<h2>What takes the room</h2>\n<div class=w><svg class=t viewBox=\"0 0 1000 420\" role=img aria-label=\"Bytes by operator and kind\">");
    for ((name, bytes), Cell { x, y, width, height }) in groups.iter().zip(squarify(&sizes, 1000.0, 420.0)) {
        let _ = write!(
            page,
            "<g><title>{0}: {1}</title><rect x={x:.1} y={y:.1} width={width:.1} height={height:.1} \
             style=\"fill:var(--a);fill-opacity:.28;stroke:var(--bg);stroke-width:2\"/>",
            text(name),
            size(*bytes)
        );
        // About seven units a letter; what does not fit stands in the title.
        if width > 60.0 && height > 34.0 {
            let fits = |(at, _): &(usize, char)| (*at as f64) < width / 7.5 - 1.0;
            let shown: String = name.chars().enumerate().take_while(fits).map(|(_, character)| character).collect();
            let _ = write!(
                page,
                "<text x={0:.1} y={1:.1}>{2}</text><text x={0:.1} y={3:.1}>{4}</text>",
                x + 6.0,
                y + 16.0,
                text(&shown),
                y + 31.0,
                size(*bytes)
            );
        }
        page.push_str("</g>");
    }
    page.push_str("</svg></div>\n");
}

fn group(image: &Image) -> String {
    match image.operators.first() {
        Some(used) => used.operator.clone(),
        None => match image.kind.family() {
            Family::Release => "releases".to_owned(),
            Family::Operator => "operator catalogs".to_owned(),
            Family::Additional => "additional images".to_owned(),
            Family::Helm => "Helm charts".to_owned(),
        },
    }
}

fn images(page: &mut String, document: &Document) {
    let _ = write!(
        page,
        "<h2>Images</h2>\n<details><summary>{} images</summary><div class=w><table><tr><th>name</th><th>kind</th><th>size</th>\
         <th>its own</th><th>digest</th><th>why</th></tr>\n",
        document.images.len()
    );
    for (image, (all, own)) in document.images.iter().zip(document.bytes_of_images()) {
        let digest = image.digest.as_ref().map_or("unknown", |digest| &digest.hex()[..16]);
        let _ = writeln!(
            page,
            "<tr><td class=m>{}<td>{}<td class=r>{}<td class=r>{}<td class=m>{digest}<td>{}",
            text(&image.name),
            image.kind,
            size(all),
            size(own),
            text(image.why.steps.last().unwrap_or(&image.why.path))
        );
    }
    page.push_str("</table></div></details>\n");
}

#[cfg(test)]
mod tests {
    use plan_document::Mode;
    use proptest::prelude::*;

    use super::*;

    /// A plan of so many images, with this text wherever a name may stand.
    fn plan(images: usize, name: &str) -> Document {
        let mut document = Document::new(Mode::MirrorToMirror, "docker://reg.lan:5000/m");
        name.clone_into(&mut document.tool);
        for at in 0..images {
            let digest = image_ref::Digest::sha256(&format!("{at:064x}")).expect("64 digits");
            let image = serde_json::json!({
                "name": format!("redhat/some-operator/component-{at}:v{name}"), "kind": "operatorRelatedImage", "origin": name,
                "named": "quay.io/a/b:c", "source": "quay.io/a/b:c", "digest": digest,
                "operators": [{"operator": format!("operator-{}{name}", at % 60), "bundle": name}],
                "why": {"path": "mirror.operators[0]", "line": 3, "steps": [format!("bundle {name}")]},
                "manifests": [], "blobs": [digest], "attached": [],
            });
            document.images.push(serde_json::from_value(image).expect("the image is whole"));
            document.blobs.insert(digest, 1_000_000 + at as u64);
        }
        // What a catalog and an update service say ends up on the page as well.
        let (one, two) = (format!("{name}1"), format!("{name}2"));
        let updates = serde_json::json!([{"to": two, "conditional": true, "risks": [name]}]);
        for (image, version) in document.images.iter_mut().zip([&one, &two]) {
            let updates = if *version == one { updates.clone() } else { serde_json::json!([]) };
            let release =
                serde_json::json!({"version": version, "architecture": name, "channels": [name], "updates": updates});
            image.release = Some(serde_json::from_value(release).expect("a release"));
            let channels = serde_json::json!([{"name": name, "head": true}]);
            let bundle = serde_json::json!({"catalog": name, "package": name, "name": name, "version": two, "channels": channels});
            image.bundles = vec![serde_json::from_value(bundle).expect("a bundle")];
            image.kind = ImageKind::OperatorBundle;
        }
        document.blocked.push(mirror_plan::Blocked { origin: name.to_owned(), pattern: name.to_owned() });
        document.seal().0
    }

    /// Nothing of this runs, loads, or leads anywhere.
    fn is_harmless(page: &str) {
        for forbidden in [
            "<script",
            "<img",
            "<iframe",
            "<a ",
            "src=",
            "url(",
            "@import",
            "http://",
            "https://",
            "onload",
            "javascript:",
        ] {
            assert!(!page.to_lowercase().contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("href=").count(), page.matches("href=\"data:,\"").count());
    }

    #[test]
    fn a_page_stands_alone() {
        let (old, new) = (plan(3, "1.0"), plan(5, "1.0"));
        let diff = Diff::of(&old, &new);
        let page = html(&new, Some((&old, &diff)));
        is_harmless(&page);
        assert!(page.contains("2 images added, 0 removed, 0 changed"));
        assert!(page.contains("default-src 'none'"));
        assert!(html(&new, Some((&new, &Diff::of(&new, &new)))).contains("Nothing: the plans are equal."));
    }

    /// A plan with two releases and two bundles, each with what brought it in.
    fn typed(why: impl Fn(usize, &[&str]) -> serde_json::Value) -> Document {
        let mut document = Document::new(Mode::MirrorToMirror, "docker://reg.lan:5000/m");
        let release = |version: &str| {
            let updates = if version == "4.20.1" { vec![serde_json::json!({"to": "4.20.2"})] } else { Vec::new() };
            serde_json::json!({"version": version, "architecture": "amd64", "channels": ["stable-4.20", "fast-4.20"],
                "updates": updates})
        };
        let bundle = |name: &str, version: &str, head: bool| {
            serde_json::json!([{"catalog": "r.io/index:v4.20", "package": "foo", "name": name, "version": version,
                "channels": [{"name": "beta", "head": head}, {"name": "alpha"}]}])
        };
        let rows = [
            ("ocpRelease", "openshift/release-images:4.20.1-x86_64", "release", release("4.20.1")),
            ("ocpRelease", "openshift/release-images:4.20.2-x86_64", "release", release("4.20.2")),
            ("operatorBundle", "ns/foo-bundle:one", "bundles", bundle("foo.v0.9.0", "0.9.0", false)),
            ("operatorBundle", "ns/foo-bundle:two", "bundles", bundle("foo-ten", "0.10.0", true)),
        ];
        for (at, (kind, name, member, value)) in rows.into_iter().enumerate() {
            let digest = image_ref::Digest::sha256(&format!("{at:064x}")).expect("64 digits");
            let mut image = serde_json::json!({
                "name": name, "kind": kind, "origin": name, "named": "quay.io/a/b:c", "source": "quay.io/a/b:c", "digest": digest,
                "operators": [], "manifests": [], "blobs": [digest], "attached": [],
                "why": why(at, &["package foo", "channel stable-4.20: head of the channel", "bundle foo.v1"]),
            });
            image[member] = value;
            document.images.push(serde_json::from_value(image).expect("the image is whole"));
            document.blobs.insert(digest, 1_000_000 + at as u64);
        }
        document.seal().0
    }

    /// Whatever the texts of `why` say, they are quoted, and nothing else is made of them.
    #[test]
    fn a_page_is_made_of_members_and_not_of_words() {
        let as_written = typed(|at, steps| {
            let steps = steps.iter().map(|step| format!("{step} #{at};")).collect::<Vec<_>>();
            serde_json::json!({"path": "mirror.platform.channels[0]", "line": 3, "steps": steps})
        });
        let other = typed(|at, _| serde_json::json!({"path": "x", "line": 0, "steps": [format!("y #{at};")]}));
        let show = |document: &Document| {
            html(
                document,
                Some((
                    &Document::new(Mode::MirrorToMirror, ""),
                    &Diff::of(&Document::new(Mode::MirrorToMirror, ""), document),
                )),
            )
        };
        let mut expected = show(&as_written).replace(&as_written.id.to_string(), &other.id.to_string());
        for at in 0..4 {
            assert!(expected.contains(&format!("bundle foo.v1 #{at};")), "the last step is quoted");
            expected = expected.replace(&format!("bundle foo.v1 #{at};"), &format!("y #{at};"));
        }
        assert_eq!(show(&other), expected);
        for part in [
            "stable-4.20",
            "fast-4.20",
            "<h3>amd64</h3>",
            "<title>4.20.1 to 4.20.2</title>",
            "<td>foo</td><td>beta</td><td class=m>foo.v0.9.0, <b>foo-ten (0.10.0)</b></td><td class=m>r.io/index:v4.20</td>",
            "<td>foo</td><td>alpha</td><td class=m>foo.v0.9.0, foo-ten (0.10.0)</td>",
        ] {
            assert!(expected.contains(part), "{part}: {expected}");
        }
    }

    /// Plans of earlier versions lack the members: the page says less, and guesses nothing.
    #[test]
    fn a_plan_without_the_members_has_a_page() {
        let mut old = typed(|_, steps| serde_json::json!({"path": "x", "line": 3, "steps": steps}));
        for image in &mut old.images {
            (image.release, image.operators) = (None, Vec::new());
            if !image.bundles.is_empty() {
                let used = serde_json::json!([{"operator": "foo", "bundle": image.bundles[0].name}]);
                image.operators = serde_json::from_value(used).expect("an operator");
                image.bundles.clear();
            }
        }
        let page = html(&old, None);
        assert!(page.contains("No update graph was read for 4.20.1-x86_64, 4.20.2-x86_64: "));
        assert!(page.contains("<td>foo</td><td>-</td><td class=m>foo-ten, foo.v0.9.0</td><td class=m>-</td>"));
    }

    #[test]
    fn nine_thousand_images_fit() {
        let page = html(&plan(9000, "1.2.3"), None);
        assert!(page.len() <= 3_000_000, "{} bytes", page.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn hostile_names_stay_names(name in "[<>&\"'/=a-z\u{202e}\u{7} ]{0,24}") {
            let hostile = format!("{name}<b onx=1>&\"'</td>");
            let page = html(&plan(2, &hostile), None);
            prop_assert!(!page.contains("<b onx"));
            let shown = ['\u{202e}', '\u{7}'].into_iter().any(|character| page.contains(character));
            prop_assert!(!shown);
        }
    }
}
