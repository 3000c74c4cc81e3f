//! Templates that would never end, or fill the memory or the stack.

use go_template::Limits;

use crate::world::run;

fn check(template: &str, expected: &str) {
    let limits = Limits { steps: 1_000_000, bytes: 8 << 20, depth: 1_200 };
    let found = run(template, "zero", &serde_json::json!({}), limits).unwrap_err();
    assert!(found.ends_with(expected), "{}: {found}", &template[..template.len().min(80)]);
}

#[test]
fn endless_recursion_ends() {
    check(
        r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#,
        "exceeded maximum template depth (1200)",
    );
    check(
        r#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#,
        "exceeded maximum template depth (1200)",
    );
    // Blocks and parentheses around each call take stack as well.
    let nested = format!(
        r#"{{{{ define "r" }}}}{}{}include "r" .{}{}{{{{ end }}}}{{{{ include "r" . }}}}"#,
        "{{ if true }}".repeat(100),
        format_args!("{{{{ {}", "(".repeat(100)),
        format_args!("{} }}}}", ")".repeat(100)),
        "{{ end }}".repeat(100),
    );
    check(&nested, "the templates nest deeper than 12000 levels");
}

#[test]
fn endless_loops_end() {
    check("{{ range 1000000000 }}{{ end }}", "the templates take more than 1000000 steps");
    check("{{ range 9000000 }}{{ range 9000000 }}{{ end }}{{ end }}", "the templates take more than 1000000 steps");
}

#[test]
fn endless_text_ends() {
    check(
        &format!("{{{{ range 100000 }}}}{}{{{{ end }}}}", "x".repeat(100)),
        "the templates make more than 8388608 bytes of text",
    );
    check(
        &format!("{{{{ $s := \"0123456789\" }}}}{}", "{{ $s = print $s $s }}".repeat(60)),
        "the templates make too much text",
    );
    check(
        &format!("{{{{ $l := list 1 }}}}{}{{{{ $l }}}}", "{{ $l = list $l $l }}".repeat(60)),
        "the templates make too much text",
    );
    check(&format!(r#"{{{{ printf "{}" 1 }}}}"#, "%999999[1]d".repeat(100)), "the templates make too much text");
    check(
        r#"{{ $m := dict "a" 1 }}{{ $m = set $m "a" $m }}{{ $m }}"#,
        "a value is nested too deep to be printed; does a map hold itself?",
    );
}

#[test]
fn deep_texts_are_refused() {
    check(&"{{ if true }}".repeat(100_000), "more than 500 levels of blocks and parentheses");
    check(&format!("{{{{ {}1", "(".repeat(100_000)), "more than 500 levels of blocks and parentheses");
    check(
        &format!("{{{{ if true }}}}{}", "{{ else if true }}".repeat(100_000)),
        "more than 500 levels of blocks and parentheses",
    );
}
