//! Advice that works: every printed help is applied to the text, at the printed line and column, and the text is read again.

use isc_schema::{Diagnostic, Kind, Parsed, parse};

/// Where the value of a key ends: the line behind the last line that is indented deeper, or that continues a list in the
/// column of the key.
fn end_of_entry(lines: &[String], line: usize, column: usize) -> usize {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let is_list = lines.get(line + 1).is_some_and(|text| text.trim_start().starts_with("- ") && indent(text) == column);
    let goes_on = |text: &String| {
        text.trim().is_empty()
            || indent(text) > column
            || (is_list && indent(text) == column && text.trim_start().starts_with("- "))
    };
    line + 1 + lines[line + 1..].iter().take_while(|text| goes_on(text)).count()
}

/// The first text in backquotes.
fn quoted(help: &str) -> &str {
    help.split('`').nth(1).expect("advice with a text in backquotes")
}

/// `text` after a person did what `finding` says; `None` when the advice leaves a choice to the person.
fn apply(text: &str, finding: &Diagnostic) -> Option<String> {
    let help = finding.help.as_deref()?;
    let help = help
        .rsplit_once("wildcard: ")
        .or_else(|| help.rsplit_once("digest: "))
        .or_else(|| help.rsplit_once("three numbers: "))
        .map_or(help, |(_, rest)| rest);
    let help = help.rsplit_once("; quote it").map_or(help, |_| &help[help.find("quote it").unwrap()..]);
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let (line, column) = (finding.line as usize - 1, finding.column as usize - 1);
    let width = finding.width as usize;
    let at = lines[line].clone();
    let (before, here) = at.split_at(column.min(at.len()));
    let value = |new: &str| format!("{before}{new}{}", &here[width.min(here.len())..]);
    // Where the key of the finding begins: the finding stands at the key, or at its value behind `key: `.
    let entry = before.len() - before.trim_start_matches([' ', '-']).len();
    let entry_column = if before.trim_matches([' ', '-']).is_empty() { column } else { entry };
    let head = at[..entry_column].to_owned();
    let in_brackets = before.contains(['[', '{']);
    if in_brackets && (help.starts_with("remove") || help.starts_with("write `") && quoted(help).contains(": ")) {
        return None;
    }
    if let Some(rest) = help.strip_prefix("remove line") {
        let numbers: Vec<usize> = rest
            .split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().unwrap())
            .collect();
        let is_range = rest.starts_with("s ");
        let (first, last) = (numbers[0], if is_range { numbers[1] } else { numbers[0] });
        lines.drain(first - 1..last);
        if let Some((_, next)) = help.split_once("and write ") {
            let to = next.rsplit("line ").next().unwrap().split(':').next().unwrap().parse::<usize>().unwrap();
            lines.splice(to - 1..to, [quoted(next).to_owned()]);
        }
    } else if help.starts_with("remove it:") {
        let end = end_of_entry(&lines, line, entry_column);
        if head.trim().is_empty() {
            lines.drain(line..end);
        } else {
            // The first field of a list item gives its `-` to the next field.
            let next = lines[end].trim_start().to_owned();
            lines[end] = head + &next;
            lines.drain(line..end);
        }
    } else if help.starts_with("did you mean") || help.starts_with("it is called") {
        lines[line] = value(quoted(help));
    } else if help.starts_with("remove the quotes") || help.starts_with("write `") && quoted(help).contains(": ") {
        let end = end_of_entry(&lines, line, entry_column);
        let mut new: Vec<&str> = vec![quoted(help)];
        if let Some((_, second)) = help.split_once("` and `") {
            new.push(second.split('`').next().unwrap());
        }
        let rest = " ".repeat(head.len());
        let new = new.iter().enumerate().map(|(at, field)| format!("{}{field}", if at == 0 { &head } else { &rest }));
        lines.splice(line..end, new.collect::<Vec<_>>());
    } else if help.contains("must be written") {
        lines[line] = value(help.split('`').nth(3)?);
    } else if help.starts_with("write all numbers") {
        lines[line] = format!("{head}{}", quoted(help));
    } else if help.starts_with("write `") && help.contains("above line") {
        let above: usize = help.split("above line ").nth(1)?.split(',').next()?.parse().ok()?;
        let indent = lines[above - 1].len() - lines[above - 1].trim_start().len();
        lines.insert(above - 1, format!("{}{}", " ".repeat(indent), quoted(help)));
    } else if help.starts_with("write `") {
        lines[line] = value(&quoted(help).replace('\\', "\\\\"));
    } else if help.starts_with("quote it") {
        lines[line] = value(help.split(": ").nth(1)?);
    } else if help.starts_with("remove the line `spec:`") {
        let end = end_of_entry(&lines, line, 0);
        for below in &mut lines[line + 1..end] {
            *below = below.strip_prefix("  ").unwrap_or_default().to_owned();
        }
        lines.remove(line);
    } else if help.starts_with("add `") && in_brackets {
        lines[line] = format!("{before}{}, {here}", quoted(help));
    } else if help.starts_with("add `") {
        lines.insert(line, format!("{head}{}", quoted(help)));
        lines[line + 1] = lines[line + 1].replacen('-', " ", usize::from(head.contains('-')));
    } else {
        return None;
    }
    Some(lines.join("\n"))
}

fn parsed(text: &str) -> Parsed {
    parse(text, if text.contains("kind: Delete") { Kind::Delete } else { Kind::ImageSet })
}

/// Applies one advice after the other, as a person who reads the answer anew after each edit.
#[track_caller]
fn after_all_advice(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..20 {
        let answer = parsed(&text);
        let next = answer.diagnostics.iter().find_map(|finding| apply(&text, finding));
        match next {
            Some(next) => text = next,
            None => return text,
        }
    }
    panic!("the advice never ends:\n{text}\n{}", parsed(&text).render("", &text));
}

/// The text `wrong`, mended as advised, means what `right` means.
#[track_caller]
fn check(wrong: &str, right: &str) {
    let file = |body: &str| {
        if body.contains("kind:") { body.to_owned() } else { format!("kind: ImageSetConfiguration\nmirror:\n{body}") }
    };
    let (wrong, right) = (file(wrong), file(right));
    let answer = parsed(&wrong);
    assert!(!answer.diagnostics.is_empty(), "nothing is said about:\n{wrong}");
    let mended = after_all_advice(&wrong);
    let after = parsed(&mended);
    let said = answer.render("", &wrong);
    assert!(!after.has_errors(), "{said}\nleads to\n{mended}\n{}", after.render("", &mended));
    let wanted = parsed(&right);
    assert!(!wanted.has_errors(), "{}", wanted.render("", &right));
    assert_eq!(after.config, wanted.config, "{said}\nleads to\n{mended}\ninstead of\n{right}");
}

const OPERATOR: &str = "  operators:\n  - catalog: quay.io/ns/index:v4.20\n";

/// As [`check`], for fields of a catalog.
#[track_caller]
fn check_catalog(wrong: &str, right: &str) {
    check(&format!("{OPERATOR}{wrong}"), &format!("{OPERATOR}{right}"));
}

#[test]
fn fields_of_earlier_versions() {
    check_catalog("    headsOnly: true\n", "");
    check_catalog("    headsOnly: false\n", "    full: true\n");
    check_catalog("    headsOnly: false\n    full: true\n", "    full: true\n");
    let bounded = "    packages:\n    - name: widget\n      minVersion: 1.0.0\n";
    check_catalog(&format!("    headsOnly: false\n{bounded}"), bounded);
    check_catalog(&format!("    headsOnly: false\n{}", bounded.replace("minV", "startingV")), bounded);
    check_catalog("    targetName: my-index\n", "    targetCatalog: ns/my-index\n");
    check_catalog("    targetName: my-index\n    targetCatalog: team/index\n", "    targetCatalog: team/index\n");
    check_catalog("    originalRef: quay.io/x/y:1\n", "");
    check_catalog("    skipDeps: true\n", "    skipDependencies: true\n");
    check("  operators:\n  - headsOnly: true\n    catalog: quay.io/ns/index:v4.20\n", OPERATOR);
}

#[test]
fn fields_of_packages_and_channels() {
    let package = |fields: &str| format!("    packages:\n    - name: widget\n{fields}");
    for (wrong, right) in [
        ("      startingVersion: 1.2.3\n", "      minVersion: 1.2.3\n"),
        ("      startingBundle: widget.v1.2.3\n", "      minVersion: 1.2.3\n"),
        ("      startingBundle: widget-operator.5.2.3-31\n", "      minVersion: 5.2.3-31\n"),
        ("      minBundle: widget.v1.2.3\n      minVersion: 1.0.0\n", "      minVersion: 1.0.0\n"),
        ("      selectedBundles:\n      - name: widget.v1.2.3\n", "      bundles:\n      - name: widget.v1.2.3\n"),
        ("      version: 1.2.3\n", "      minVersion: 1.2.3\n      maxVersion: 1.2.3\n"),
        ("      shortestPath: true\n", ""),
        ("      shortestPath: true\n      minVersion: 1.0.0\n", "      minVersion: 1.0.0\n"),
        ("      minVersion: 4.16.x\n", "      minVersion: 4.16.0\n"),
        ("      minVersion: 1.20\n", "      minVersion: '1.20'\n"),
        ("      min_version: 1.2.3\n", "      minVersion: 1.2.3\n"),
        (
            "      channels:\n      - name: stable\n        startingBundle: widget.v1.2.3\n",
            "      channels:\n      - name: stable\n        minVersion: 1.2.3\n",
        ),
        ("      chanels:\n      - nmae: stable\n", "      channels:\n      - name: stable\n"),
        ("      channels:\n      - stable\n", "      channels:\n      - name: stable\n"),
        ("    - name: widget\n", ""),
        ("      minVersion: 1.0.0\n    - name: widget\n      minVersion: 1.0.0\n", "      minVersion: 1.0.0\n"),
        (
            "      channels:\n      - name: a\n      - name: b\n      - name: a\n",
            "      channels:\n      - name: a\n      - name: b\n",
        ),
    ] {
        check_catalog(&package(wrong), &package(right));
    }
}

#[test]
fn releases() {
    let channel = |fields: &str| format!("  platform:\n    channels:\n    - name: stable-4.20\n{fields}");
    for (wrong, right) in [
        ("      version: 4.20.1\n", "      minVersion: 4.20.1\n      maxVersion: 4.20.1\n"),
        ("      versions: [4.20.4, 4.20.1]\n", "      minVersion: 4.20.1\n      maxVersion: 4.20.4\n"),
        ("      versions:\n      - 4.20.1\n", "      minVersion: 4.20.1\n      maxVersion: 4.20.1\n"),
        ("      minVersion: 4.20\n", "      minVersion: 4.20.0\n"),
        ("      minVersion: v4.20.1\n", "      minVersion: 4.20.1\n"),
        ("      minVersion: 4.20.x\n", "      minVersion: 4.20.0\n"),
        ("      headsOnly: true\n", ""),
        ("      headsOnly: false\n", "      full: true\n"),
        ("      type: ocd\n", "      type: ocp\n"),
        ("      shortestPath: 'true'\n", "      shortestPath: true\n"),
    ] {
        check(&channel(wrong), &channel(right));
    }
    check(&channel("").replace("platform", "ocp"), &channel(""));
    check(&format!("{}    architectures: [amd64]\n", channel("")), &channel(""));
    check("  platform:\n    architectures: [x86_64]\n    channels:\n    - name: stable-4.20\n", &channel(""));
    check(
        "  platform:\n    architectures: [aarch64, s390x]\n    channels:\n    - name: stable-4.20\n",
        "  platform:\n    architectures: [arm64, s390x]\n    channels:\n    - name: stable-4.20\n",
    );
    check("  platform:\n    - name: stable-4.20\n", &channel(""));
}

/// What would mirror another payload is never proposed.
#[test]
fn architectures_that_are_not_the_default_stay() {
    for architectures in ["[multi]", "[arm64]", "[amd64, arm64]"] {
        let text = format!("kind: ImageSetConfiguration\nmirror:\n  platform:\n    architectures: {architectures}\n");
        let answer = parsed(&text);
        let help = answer.diagnostics[0].help.as_deref().unwrap();
        assert!(help.starts_with("keep it:"), "{architectures}: {help}");
        assert_eq!(after_all_advice(&text), text);
    }
}

#[test]
fn images_and_patterns() {
    check("  images:\n  - name: quay.io/a/b:1\n", "  additionalImages:\n  - name: quay.io/a/b:1\n");
    check("  additionalImages:\n  - image: quay.io/a/b:1\n", "  additionalImages:\n  - name: quay.io/a/b:1\n");
    check("  additionalImages:\n  - quay.io/a/b:1\n", "  additionalImages:\n  - name: quay.io/a/b:1\n");
    check("  additionalImages:\n  - name: quay.io/a/b\n", "  additionalImages:\n  - name: quay.io/a/b:latest\n");
    check("  additionalImages:\n  - name: https://quay.io/a/b:1\n", "  additionalImages:\n  - name: quay.io/a/b:1\n");
    check("  additionalImages:\n  - name: quay.io/A/b:1\n", "  additionalImages:\n  - name: quay.io/a/b:1\n");
    check("  additionalImages:\n  - name: ''\n", "  additionalImages:\n  - name: registry.example/app:1.0\n");
    check("  additionalImages:\n  - name:\n", "  additionalImages:\n  - name: registry.example/app:1.0\n");
    check(
        "  additionalImages:\n  - targetRepo: a/b\n",
        "  additionalImages:\n  - name: registry.example/app:1.0\n    targetRepo: a/b\n",
    );
    for (wrong, right) in [
        ("**/foo", ".*/foo"),
        ("*foo", ".*foo"),
        ("*.debug", ".*.debug"),
        ("**/foo:*", ".*/foo:.*"),
        ("?oo", ".oo"),
        ("*/foo.*", ".*/foo.*"),
    ] {
        let block = |pattern: &str| format!("  blockedImages:\n  - name: \"{pattern}\"\n");
        check(&block(wrong), &block(right));
    }
}

#[test]
fn the_top_of_the_file() {
    let right = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  helm:\n";
    for wrong in [
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nstorageConfig:\n  local:\n    path: ./x\nmirror:\n  helm:\n",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v1alpha2\nstorageConfig:\n  registry:\n    imageURL: q.io/x\n    skipTLS: false\nmirror:\n  helm:\n",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmetadata:\n  name: mine\nmirror:\n  helm:\n",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmetadata:\n  name: mine\nspec:\n  mirror:\n    helm:\n",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2\nmirror:\n  helm:\n",
        "kind: ImageSetConfiguration\nspec:\n  helm:\n",
        "kind: imageSetConfiguration\nmirror:\n  helm:\n",
        "kind: ImageSetConfiguration\nmirror:\n  helm:\nkind: ImageSetConfiguration\n",
        "kind: ImageSetConfiguration\narchiveSize: 0\nmirror:\n  helm:\n  samples:\n",
    ] {
        if !parsed(wrong).diagnostics.is_empty() {
            check(wrong, right);
        }
    }
}

/// One answer holds all mistakes: what stands under a former name is read as what it is called now.
#[test]
fn mistakes_below_former_names_are_found() {
    for (text, message) in [
        ("  ocp:\n    chanels: []\n", "\"chanels\""),
        ("  ocp:\n    channels:\n    - name: x\n      minVersion: v1\n", "no release version"),
        ("  helm:\n    repos:\n    - name: x\n      ulr: http://x\n", "\"ulr\""),
        ("  helm:\n    local:\n    - path: x\n      imagepaths: 7\n", "expected a list"),
        ("  images:\n  - nmae: x\n", "\"nmae\""),
        (
            "  operators:\n  - catalog: q.io/a:1\n    packages:\n    - name: p\n      startingVersion: abc\n",
            "semantic versioning",
        ),
        (
            "  operators:\n  - catalog: q.io/a:1\n    packages:\n    - name: p\n      selectedBundles:\n      - x\n",
            "found the text `x`",
        ),
    ] {
        let text = format!("kind: ImageSetConfiguration\nmirror:\n{text}");
        let answer = parsed(&text);
        assert!(
            answer.errors().any(|error| error.message.contains(message)),
            "{message}:\n{}",
            answer.render("", &text)
        );
    }
}

/// A place is named only where the value would be accepted.
#[test]
fn places_that_would_not_accept_the_value_are_not_named() {
    for (text, place) in [
        ("  channels:\n  - name: stable-4.20\n", Some("mirror.platform.channels")),
        ("  channels: 5\n", None),
        ("  packages:\n  - name: p\n", Some("mirror.operators[].packages")),
        ("  packages:\n  - nmae: p\n", None),
        ("  full: true\n", Some("mirror.operators[].full")),
        ("  full: some\n", None),
        (
            "  operators:\n  - catalog: q.io/a:1\n    minVersion: 1.0.0\n",
            Some("mirror.operators[].packages[].minVersion"),
        ),
        ("  operators:\n  - catalog: q.io/a:1\n    minVersion: [1]\n", None),
        ("  platform:\n    minVersion: 4.20.1\n", Some("mirror.platform.channels[].minVersion")),
        ("  platform:\n    minVersion: 4.20\n", None),
        ("  graph: true\n", Some("mirror.platform.graph")),
    ] {
        let text = format!("kind: ImageSetConfiguration\nmirror:\n{text}");
        let answer = parsed(&text);
        let help = answer.diagnostics[0].help.clone().unwrap_or_default();
        assert_eq!(help.contains("exists as"), place.is_some(), "{text}{help}");
        assert!(help.contains(place.unwrap_or_default()), "{text}{help}");
    }
}

/// A placeholder is called a placeholder, once, in whatever field it stands.
#[test]
fn placeholders_come_before_other_rules() {
    for (body, placeholder) in [
        ("  additionalImages:\n  - name: quay.io/a/b:${TAG}\n", "${TAG}"),
        ("  additionalImages:\n  - name: $(REGISTRY)/b:1\n", "$(REGISTRY)"),
        ("  additionalImages:\n  - name: $IMAGE\n", "$IMAGE"),
        ("  additionalImages:\n  - name: <registry>/b:1\n", "<registry>"),
        ("  additionalImages:\n  - name: '{{ registry }}/b:1'\n", "{{ registry }}"),
        ("  additionalImages:\n  - name: {{ image }}\n", "{{ image }}"),
        ("  additionalImages:\n  - name: {image}\n", "{image}"),
        ("  additionalImages:\n  - <image>\n", "<image>"),
        ("  platform:\n    graph: ${GRAPH}\n", "${GRAPH}"),
        ("  platform:\n    channels:\n    - name: stable-<minor>\n", "<minor>"),
        ("  platform:\n    channels:\n    - name: stable-4.20\n      minVersion: {min}\n", "{min}"),
        ("  platform:\n    channels:\n    - name: stable-4.20\n      minVersion: '{{min}}'\n", "{{min}}"),
        ("  platform:\n    channels: ${CHANNELS}\n", "${CHANNELS}"),
        ("  platform:\n    architectures: [$ARCH]\n", "$ARCH"),
        ("  operators: <operators>\n", "<operators>"),
        ("  operators:\n  - catalog: q.io/a:1\n    targetCatalog: <path>\n", "<path>"),
        ("  operators:\n  - catalog: q.io/a:1\n    packages:\n    - name: p\n      minVersion: ${V}\n", "${V}"),
        ("  operators:\n  - catalog: q.io/a:1\n    full: {{ full }}\n", "{{ full }}"),
        ("  blockedImages:\n  - ${BLOCKED}\n", "${BLOCKED}"),
        ("  helm:\n    repositories:\n    - name: a\n      url: {{ url }}\n", "{{ url }}"),
    ] {
        let text = format!("kind: ImageSetConfiguration\nmirror:\n{body}");
        let answer = parsed(&text);
        let said: Vec<_> =
            answer.diagnostics.iter().map(|finding| (finding.code.as_str(), finding.message.as_str())).collect();
        let message = format!("the placeholder `{placeholder}` was not filled in");
        assert_eq!(said, [("placeholder", message.as_str())], "{text}");
    }
}

/// What only looks like a placeholder is none.
#[test]
fn braces_that_mean_something_stay() {
    for body in [
        "  helm:\n    local:\n    - path: x\n      version: '>1.0 <2.0 || >3'\n      imagePaths: ['{.spec.image}', '{..image}']\n",
        "  blockedImages: ['a{2,3}$', '^quay.io/.*<x>', 'a${2}']\n",
        "  operators:\n  - {catalog: 'q.io/a:1', packages: [{name: p, channels: [{name: 7.11.x}]}]}\n",
    ] {
        let text = format!("kind: ImageSetConfiguration\nmirror:\n{body}");
        let answer = parsed(&text);
        assert!(!answer.has_errors(), "{}", answer.render("", &text));
    }
}

/// Each advice about the files with mistakes either leaves a choice, or takes its finding away.
#[test]
fn advice_takes_its_finding_away() {
    for (name, text) in crate::fixtures::files("invalid") {
        let kind = if name.starts_with("delete") { Kind::Delete } else { Kind::ImageSet };
        let answer = parse(&text, kind);
        for finding in &answer.diagnostics {
            let Some(mended) = apply(&text, finding) else { continue };
            let again = parse(&mended, kind);
            let count = |findings: &[Diagnostic]| {
                findings.iter().filter(|other| other.message == finding.message && other.path == finding.path).count()
            };
            assert!(
                count(&again.diagnostics) < count(&answer.diagnostics),
                "{name}: {finding}\nleads to\n{mended}\n{}",
                again.render("", &mended)
            );
        }
    }
}

/// Broken YAML is explained by the slip that people make.
#[test]
fn slips_of_yaml_are_explained() {
    for (body, help) in [
        (
            "  operators:\n  - catalog: q.io/a:1\n    - name: p\n",
            "line 5 begins a list, but line 4 has its value already: write the key of the list",
        ),
        (
            "  operators:\n  - catalog: q.io/a:1\n    packages:\n    - name: p\n      - name: stable\n",
            "line 7 begins a list, but line 6 has its value already",
        ),
        (
            "  additionalImages:\n  - name: {registry}/b:1\n",
            "line 4: write the value in the place of the placeholder `{registry}`",
        ),
        (
            "  additionalImages:\n  - name: {{ registry }}/b:1\n",
            "line 4: write the value in the place of the placeholder `{{ registry }}`",
        ),
        (
            "  operators:\n  - catalog: q.io/a:1\n  operators:\n  - catalog: q.io/b:1\n",
            "append the second list to the first, which begins in line 3, and remove the second `operators:`",
        ),
        (
            "  platform:\n    graph: true\n  platform:\n    channels:\n    - name: x\n",
            "move the fields of the second `platform` into the first, in line 3, and remove the second `platform:`",
        ),
        ("  platform:\n    graph: true\n  platform:\n    graph: true\n", "remove lines 5 to 6: line 3 says the same"),
        (
            "  platform:\n  helm:\n  platform:\n    graph: true\n",
            "remove line 3, which sets it to nothing, or move this value there",
        ),
        ("  platform:\n    graph: true\n...\n  helm:\n", "remove line 5: `...` ends a YAML document"),
        ("  additionalImages:\n  - name: q.io/a:1\n  ...\n", "remove line 5: `...` only stands for lines"),
        ("  additionalImages:\n  - name: q.io/a:1\n  - ...\n", "put an additional image (a mapping) in its place"),
        ("  platform:\n\tgraph: true\n", "line 4 is indented by a tab"),
        ("  additionalImages:\n  - name:q.io/a:1\n  - name: 'x\n", "a quote in line 5 is not closed"),
    ] {
        let text = format!("kind: ImageSetConfiguration\nmirror:\n{body}");
        let answer = parsed(&text);
        let said = answer.render("", &text);
        assert!(
            answer.diagnostics.iter().any(|finding| finding.help.as_deref().unwrap_or_default().starts_with(help)),
            "{text}{said}"
        );
    }
}
