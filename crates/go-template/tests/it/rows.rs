//! Rows that the comparison with Go has brought up, and the rules that charts count on.

use go_template::Limits;

use crate::world::run;

fn check(template: &str, expected: &str) {
    let data = serde_json::json!({"s": "text", "l": [1, "a", null], "m": {"a": 1, "b": {}}, "el": [], "n": null});
    let found = run(template, "zero", &data, Limits::default()).unwrap_or_else(|error| error);
    assert_eq!(found, expected, "{template}");
}

#[test]
fn maps_are_shared() {
    check(r#"{{ $_ := set .m "b" "new" }}{{ .m.b }}"#, "new");
    check(r#"{{ $m := dict "a" 1 }}{{ $n := $m }}{{ $_ := set $n "a" 2 }}{{ $m.a }}"#, "2");
    check(r#"{{ define "d" }}{{ $_ := set . "seen" true }}{{ end }}{{ include "d" .m }}{{ .m.seen }}"#, "true");
    check(r#"{{ range $k, $v := .m }}{{ $_ := set $.m (print $k "2") 1 }}{{ end }}{{ len .m }}"#, "4");
}

#[test]
fn loops_break_and_continue() {
    check("{{ range .l }}{{ if . }}{{ . }}{{ continue }}{{ end }}-{{ end }}", "1a-");
    check("{{ range .l }}{{ . }}{{ break }}{{ end }}", "1");
    check("{{ range .l }}{{ range $.el }}{{ else }}{{ break }}{{ end }}x{{ end }}", "xxx");
    check("{{ range .l }}{{ range $.el }}{{ else }}{{ continue }}{{ end }}x{{ end }}", "");
    check("{{ range $i, $v := .l }}{{ $i }}{{ end }}{{ range 3 }}{{ . }}{{ end }}", "012012");
}

#[test]
fn missing_keys_and_nil() {
    check("{{ .nope }}|{{ print .nope }}|{{ printf \"%s\" .nope }}", "<no value>|<nil>|%!s(<nil>)");
    check(
        "{{ .nope.x }}",
        r#"template: x.yaml:1:8: executing "x.yaml" at <.nope.x>: nil pointer evaluating interface {}.x"#,
    );
    check(
        "{{ .nope | len }}",
        r#"template: x.yaml:1:11: executing "x.yaml" at <len>: error calling len: reflect: call of reflect.Value.Type on zero Value"#,
    );
    check(
        "{{ len .nope }}",
        r#"template: x.yaml:1:3: executing "x.yaml" at <len .nope>: error calling len: len of nil pointer"#,
    );
}

#[test]
fn what_once_differed() {
    check(
        r#"{{ range (inner 2 "y") }}{{ end }}"#,
        r#"template: x.yaml:1:18: executing "x.yaml" at <"y">: range can't iterate over {2 y}"#,
    );
    check(
        r#"{{ range (str "z") }}{{ end }}"#,
        r#"template: x.yaml:1:14: executing "x.yaml" at <"z">: range can't iterate over <z>"#,
    );
    check(
        "{{ .m.a | call }}",
        r#"template: x.yaml:1:10: executing "x.yaml" at <call>: error calling call: non-function <float64 Value> of type float64"#,
    );
    check(r#"{{ printf "%w" (bytes "hi") }}"#, "[%!w(uint8=104) %!w(uint8=105)]");
    // The line is that of the token before the block, whose parser is the one that speaks.
    check("{{ block \"b\" .s -}}\n\n{{ else }}", "template: x.yaml:1: unexpected {{else}} in block clause");
}

#[test]
fn functions_that_fail_are_named_with_the_place() {
    check(
        "{{ define \"d\" }}\n  {{ fail \"no\" }}{{ end }}a\n{{ include \"d\" . }}",
        "template: x.yaml:3:3: executing \"x.yaml\" at <include \"d\" .>: error calling include: \
         template: x.yaml:2:5: executing \"d\" at <fail \"no\">: error calling fail: no",
    );
    check(
        r#"{{ include "zz" . }}"#,
        "template: x.yaml:1:3: executing \"x.yaml\" at <include \"zz\" .>: error calling include: \
         template: no template \"zz\" associated with template \"gotpl\"",
    );
}
