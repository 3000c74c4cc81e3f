//! Values of charts: what YAML gives is merged, coalesced, checked against a schema and written again.
#![no_main]

use helm_chart::{Chart, File, merge_values, read_values};
use libfuzzer_sys::fuzz_target;

/// The parts of the input: the chart's values, those of its subchart, those of the user, a schema, and a template.
fuzz_target!(|parts: [&[u8]; 5]| {
    let [own, inner, given, schema, template] = parts;
    let file = |name: &str, data: &[u8]| File { name: name.to_owned(), data: data.to_vec() };
    let mut files = vec![
        file("Chart.yaml", b"{apiVersion: v2, name: p, version: 1.0.0, dependencies: [{name: s, version: '*', condition: s.on, tags: [a], import-values: [data, {child: x, parent: y}]}]}"),
        file("values.yaml", own),
        file("charts/s/Chart.yaml", b"{apiVersion: v2, name: s, version: 1.0.0}"),
        file("charts/s/values.yaml", inner),
        file("templates/a.yaml", b"v: {{ toYaml .Values | quote }}\nj: {{ toJson .Values | quote }}"),
        file("templates/b.yaml", template),
    ];
    if !schema.is_empty() {
        files.push(file("values.schema.json", schema));
    }
    let Ok(chart) = Chart::from_files(files) else { return };
    let Ok(given) = read_values(given) else { return };
    let mut twice = given.clone();
    merge_values(&mut twice, given.clone());
    assert_eq!(twice, given, "values laid over themselves are the same");
    let first = chart.render(&given);
    assert_eq!(first, chart.render(&given), "the same chart gives the same text");
});
