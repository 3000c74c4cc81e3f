//! Charts that mean harm, or are broken: they end with a sentence, soon, and within bounds of memory.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use helm_chart::yaml::Json;
use helm_chart::{Chart, File, Limits};

/// Small, so that the tests end soon also without optimisation. Real limits are larger and work the same.
const LIMITS: Limits = Limits { steps: 200_000, bytes: 16 << 20, depth: 1_200 };

fn chart(files: &[(&str, &str)]) -> Chart {
    let mut all = vec![File { name: "Chart.yaml".into(), data: b"{apiVersion: v2, name: c, version: 1.0.0}".to_vec() }];
    all.extend(files.iter().map(|(name, text)| File { name: (*name).into(), data: (*text).into() }));
    Chart::from_files(all).unwrap()
}

#[track_caller]
fn check(template: &str, values: &str, expected: &str) {
    let chart = chart(&[("templates/t.yaml", template), ("values.yaml", values)]);
    let error = chart.render(&Json::Null).unwrap_err().to_string();
    assert!(error.contains(expected), "{}", &error[..error.len().min(600)]);
}

#[test]
fn recursion_without_end_is_stopped() {
    let nested = "rendering template has a nested reference name: a: unable to execute template";
    check(r#"{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}"#, "", nested);
    check(
        r#"{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}"#,
        "",
        "exceeded maximum template depth",
    );
    check("{{ tpl .Values.t . }}", "t: '{{ tpl .Values.t . }}'", "exceeded maximum template depth");
    check("{{ tpl .Values.t . }}", r#"t: '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}'"#, nested);
}

#[test]
fn output_without_end_is_stopped() {
    for template in [
        "{{ repeat 2000000000 \"abcdefgh\" }}",
        "{{ range until 100000000 }}{{ end }}",
        "{{ range untilStep 0 9223372036854775807 1 }}{{ end }}",
        "{{ seq 1 9000000000000000 }}",
        "{{ $a := \"ab\" }}{{ range until 64 }}{{ $a = print $a $a }}{{ end }}{{ $a }}",
        "{{ $a := list 1 }}{{ range until 64 }}{{ $a = concat $a $a }}{{ end }}{{ $a }}",
        "{{ $a := dict }}{{ range $i := until 64 }}{{ $a = dict \"a\" $a \"b\" $a }}{{ end }}{{ toJson $a }}",
        "{{ $a := dict }}{{ range $i := until 64 }}{{ $a = dict \"a\" $a \"b\" $a }}{{ end }}{{ toYaml $a }}",
        "{{ $a := dict }}{{ range $i := until 64 }}{{ $a = dict \"a\" $a \"b\" $a }}{{ end }}{{ $b := deepCopy $a }}",
        "{{ $a := dict }}{{ $b := dict }}{{ range $i := until 64 }}{{ $a = dict \"a\" $a \"b\" $a }}{{ $b = dict \"a\" $b \"b\" $b }}{{ end }}{{ deepEqual $a $b }}",
        "{{ randAlphaNum 4000000000 }}",
        "{{ indent 2000000000 \"a\\nb\" }}",
        "{{ printf \"%2000000000d\" 1 }}{{ range until 99999999 }}{{ end }}",
        "{{ replace \"\" (repeat 1000000 \"x\") (repeat 1000000 \"y\") }}",
        "{{ join (repeat 1000000 \"x\") (until 1000000) }}",
    ] {
        let chart = chart(&[("templates/t.yaml", template)]);
        let error = chart.render_within(&Json::Null, LIMITS).expect_err(template).to_string();
        assert!(
            error.contains("more than") || error.contains("too much"),
            "{template}: {}",
            &error[..error.len().min(300)]
        );
    }
}

/// To look at a large text or list takes long, and a loop does it often.
#[test]
fn work_without_output_is_stopped() {
    let long = "{{ $a := repeat 3000000 \"x\" }}{{ range until 100000 }}";
    let list = "{{ $a := until 200000 }}{{ range until 100000 }}";
    let map =
        "{{ $a := dict }}{{ range until 5000 }}{{ $_ := set $a (toString .) . }}{{ end }}{{ range until 100000 }}";
    for (start, body) in [
        (long, "{{ $b := contains \"y\" $a }}"),
        (long, "{{ $b := sha256sum $a }}"),
        (long, "{{ $b := eq $a \"y\" }}"),
        (long, "{{ $b := len $a }}"),
        (long, "{{ $b := regexMatch \"y\" $a }}"),
        (long, "{{ $b := tpl $a $ }}"),
        (long, "{{ $b := fromYaml $a }}"),
        (long, "{{ $b := fromJsonArray $a }}"),
        (long, "{{ $b := call (list) $a }}"),
        (list, "{{ $b := has \"y\" $a }}"),
        (list, "{{ $b := first $a }}"),
        (list, "{{ $b := uniq $a }}"),
        (map, "{{ $b := keys $a }}"),
        (map, "{{ $b := omit $a \"1\" }}"),
        (map, "{{ range $a }}{{ break }}{{ end }}"),
        // Each expression is another one, and a repetition is written out.
        ("{{ range $i := until 100000 }}", "{{ $b := regexMatch (printf \"([a-z]{9}%d){100}\" $i) \"\" }}"),
        (
            "{{ range $i := until 100000 }}",
            "{{ $b := mulf 1.5 2.5 }}{{ $b = repeat 10 \"x\" }}{{ $b = genCA \"a\" 1 }}",
        ),
    ] {
        let chart = chart(&[("templates/t.yaml", &format!("{start}{body}{{{{ end }}}}"))]);
        let error = chart.render_within(&Json::Null, LIMITS).expect_err(body).to_string();
        let expected = ["more than", "too much", "non-function"];
        assert!(expected.iter().any(|words| error.contains(words)), "{body}: {}", &error[..error.len().min(300)]);
    }
}

/// Each part of a text takes memory of its own.
#[test]
fn texts_are_not_cut_into_too_many_parts() {
    for template in [
        "{{ splitList \"\" (repeat 3000000 \"x\") }}",
        "{{ splitList \"x\" (repeat 3000000 \"x\") }}",
        "{{ split \"\" (repeat 3000000 \"x\") }}",
        "{{ splitn \"\" 2000000 (repeat 3000000 \"x\") }}",
        "{{ regexFindAll \"x\" (repeat 3000000 \"x\") -1 }}",
        "{{ regexSplit \"x\" (repeat 3000000 \"x\") -1 }}",
        "{{ fromJsonArray (print \"[0\" (repeat 1500000 \",0\") \"]\") }}",
        "{{ fromYaml (print \"a: [0\" (repeat 1500000 \",0\") \"]\") }}",
    ] {
        let chart = chart(&[("templates/t.yaml", template)]);
        let error = chart.render_within(&Json::Null, LIMITS).expect_err(template).to_string();
        assert!(error.contains("more than"), "{template}: {}", &error[..error.len().min(300)]);
    }
}

/// What would take the product of two lengths takes their sum.
#[test]
fn searches_do_not_take_the_product_of_lengths() {
    let a = "{{ $a := repeat 400000 \"a\" }}{{ $b := print (repeat 200000 \"a\") \"b\" }}";
    let template = format!(
        "{a}v: {{{{ contains $b $a }}}} {{{{ len (replace $b \"\" $a) }}}} {{{{ len (splitList $b $a) }}}} \
         {{{{ regexMatch \"(a*)*b\" $a }}}}"
    );
    let rendered = chart(&[("templates/t.yaml", &template)]).render_within(&Json::Null, LIMITS).unwrap();
    assert_eq!(rendered.manifests[0].text, "v: false 400000 1 false");
}

#[test]
fn values_that_hold_themselves_do_no_harm() {
    for template in [
        "{{ $_ := set .Values \"me\" .Values }}{{ toYaml .Values }}",
        "{{ $_ := set .Values \"me\" .Values }}{{ toJson .Values }}",
        "{{ $_ := set .Values \"me\" .Values }}{{ .Values }}",
        "{{ $_ := set .Values \"me\" .Values }}{{ $x := deepCopy .Values }}",
        "{{ $_ := set .Values \"me\" .Values }}{{ $x := mergeOverwrite (deepCopy (dict \"a\" 1)) .Values }}{{ toToml .Values }}",
    ] {
        // Either an error or no text: it must end.
        let chart = chart(&[("templates/t.yaml", template), ("values.yaml", "a: 1")]);
        let _ = chart.render_within(&Json::Null, LIMITS);
    }
}

#[test]
fn templates_read_no_files_and_no_environment() {
    let rendered =
        chart(&[("templates/t.yaml", r#"v: "{{ .Files.Get "/etc/passwd" }}{{ .Files.Get "../../etc/passwd" }}""#)])
            .render(&Json::Null)
            .unwrap();
    assert_eq!(rendered.manifests[0].text, "v: \"\"");
    check("{{ env \"HOME\" }}", "", "function \"env\" not defined");
    check("{{ expandenv \"$HOME\" }}", "", "function \"expandenv\" not defined");
}

#[test]
fn values_with_a_million_aliases_are_refused() {
    let mut values = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(values, "a{level}: &a{level} [{}]", before.trim_end_matches(", ")).unwrap();
    }
    let files = vec![
        File { name: "Chart.yaml".into(), data: b"{apiVersion: v2, name: c, version: 1.0.0}".to_vec() },
        File { name: "values.yaml".into(), data: values.into_bytes() },
    ];
    let error = Chart::from_files(files).unwrap_err().to_string();
    assert!(error.contains("document contains excessive aliasing"), "{error}");
}

/// One entry of a tar.
fn entry(name: &str, kind: u8, link: &str, data: &[u8]) -> Vec<u8> {
    let mut head = [0; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..107].copy_from_slice(b"0000644");
    head[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    head[156] = kind;
    head[157..157 + link.len()].copy_from_slice(link.as_bytes());
    head[257..263].copy_from_slice(b"ustar\0");
    head[263..265].copy_from_slice(b"00");
    head[148..156].fill(b' ');
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut out = head.to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn package(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for entry in entries {
        gzip.write_all(entry).unwrap();
    }
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn hostile_packages_are_refused() {
    let metadata = entry("c/Chart.yaml", b'0', "", b"{apiVersion: v2, name: c, version: 1.0.0}");
    for (bad, expected) in [
        (entry("c/../../etc/passwd", b'0', "", b"x"), "chart illegally references parent directory"),
        (entry("/c/../../x", b'0', "", b"x"), "chart illegally references parent directory"),
        (entry("c/C:/x", b'0', "", b"x"), "chart contains illegally named files"),
        (entry("c/link", b'2', "../../etc/passwd", b""), "contains a link that leaves the chart"),
        (entry("c/link", b'2', "/etc/passwd", b""), "contains a link that leaves the chart"),
        (entry("c/link", b'1', "../../etc/passwd", b""), "contains a link that leaves the chart"),
        (entry("c/null", b'3', "", b""), "contains a device or a pipe"),
        (entry("c/pipe", b'6', "", b""), "contains a device or a pipe"),
        (entry("c/big.txt", b'0', "", &vec![0; 6 << 20]), "larger than the maximum file size"),
    ] {
        let error = Chart::from_package("c.tgz", &package(&[metadata.clone(), bad])).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // What lies behind the end of the archive is nobody's business: some tools fill a package up with zeros.
    let padded = [package(std::slice::from_ref(&metadata)), vec![0; 512], b"more".to_vec()].concat();
    assert_eq!(Chart::from_package("c.tgz", &padded).unwrap().metadata.name, "c");
    // Four megabytes thirty times are more than a chart may unpack to.
    let mut bomb = vec![metadata];
    bomb.extend((0..30).map(|number| entry(&format!("c/{number}.txt"), b'0', "", &vec![0; 4 << 20])));
    let bomb = package(&bomb);
    assert!(bomb.len() < 2 << 20);
    let error = Chart::from_package("c.tgz", &bomb).unwrap_err().to_string();
    assert!(error.contains("decompressed chart is larger than the maximum file size"), "{error}");
}

/// Entries without data unpack to headers only: a million of them, and packages full of them within a package.
#[test]
fn packages_of_nothing_but_headers_are_refused() {
    let metadata = entry("c/Chart.yaml", b'0', "", b"{apiVersion: v2, name: c, version: 1.0.0}");
    let check = |package: &[u8], expected: &str| {
        let error = Chart::from_package("c.tgz", package).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let file = entry("c/f", b'0', "", b"");
    let many = vec![file; 60_000];
    check(&package(&[vec![metadata.clone()], many].concat()), "the chart has more than 50000 files");
    let folders = package(&[entry("c/d/", b'5', "", b"").repeat(60_000)]);
    assert!(folders.len() < 1 << 20);
    let packages = (0..20).map(|number| entry(&format!("c/charts/{number}.tgz"), b'0', "", &folders));
    let nested: Vec<Vec<u8>> = std::iter::once(metadata).chain(packages).collect();
    check(&package(&nested), "no files in chart archive");
    // The same with a chart in each: now every one of them is unpacked.
    let inner = entry("d/Chart.yaml", b'0', "", b"{apiVersion: v2, name: d, version: 1.0.0}");
    let folders = package(&[inner, entry("d/d/", b'5', "", b"").repeat(60_000)]);
    let packages = (0..20).map(|number| entry(&format!("c/charts/{number}.tgz"), b'0', "", &folders));
    let nested: Vec<Vec<u8>> = nested.into_iter().take(1).chain(packages).collect();
    check(&package(&nested), "unpack to more than 268435456 bytes");
}
