//! The page of a plan: what is on the page, and how a browser shows the page.

use std::path::PathBuf;

use test_support::{Chromium, OperatorWorld, Registry, World};

use crate::harness::Home;

/// Set by `cargo xtask nightly`: the browser is large and slow, and the gate does without it.
const BROWSER: &str = "OC_MIRROR_BROWSER";

/// The page of a plan with images and an operator that are new.
fn page(home: &Home) -> PathBuf {
    let (source, destination) = (Registry::start_blocking(), Registry::start_blocking());
    let world = World::small(51);
    world.push_to(&source);
    OperatorWorld::new(source.host(), &[("foo", &["0.1.0", "0.2.0"]), ("bar", &["1.0.0"])]).push_to(&source);
    let body = |packages: &str| {
        let names =
            world.references(source.host()).iter().fold(String::new(), |text, name| text + "- name: " + name + "\n");
        let catalog = format!("operators:\n- catalog: {}/cat/index:v1\n  packages:\n{packages}", source.host());
        catalog + "additionalImages:\n" + &names
    };
    home.configuration(&body("  - name: bar\n"));
    home.plan_to_mirror(destination.host(), "old.json", &[]).code(0);
    home.configuration(&body("  - name: bar\n  - name: foo\n"));
    home.plan_to_mirror(destination.host(), "new.json", &[]).code(0);
    home.run(&["plan", "show", "new.json", "--html", "page.html", "--against", "old.json"]).code(0).says("page.html");
    home.path().join("page.html")
}

#[test]
fn the_page_says_what_people_decide_about() {
    let home = Home::new();
    let text = std::fs::read_to_string(page(&home)).unwrap();
    for part in ["What is new since", "Operators", "What takes the room", "apps/single:v1", "<svg", "foo.v0.2.0"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("<script"), "the page has no script");
    home.run(&["plan", "show", "new.json", "--html", "/nowhere/page.html"])
        .code(1)
        .says("cannot write `/nowhere/page.html`");
    home.run(&["plan", "show", "new.json", "--against", "old.json"]).code(1).says("--html");
    home.run(&["plan", "show", "new.json", "--html", "x.html", "--against", "none.json"])
        .code(1)
        .says("cannot read the plan");
    assert!(!home.path().join("x.html").exists());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how the night asks for more than the gate does")]
fn a_browser_shows_the_page() {
    if std::env::var_os(BROWSER).is_none() {
        eprintln!("skipped: {BROWSER} is not set; `cargo xtask nightly --only page` sets it");
        return;
    }
    let Some(browser) = Chromium::find() else { return };
    let home = Home::new();
    let mut pages = vec![page(&home)];
    // Releases and their updates; none without gpg.
    if let Some((outside, _)) = super::releases::outside() {
        let destination = Registry::start_blocking();
        outside.home.plan_to_mirror(destination.host(), "plan.json", &[]).code(0);
        outside.home.run(&["plan", "show", "plan.json", "--html", "page.html"]).code(0);
        pages.push(home.write("releases.html", std::fs::read(outside.home.path().join("page.html")).unwrap()));
    }
    home.write("blank.html", "<!DOCTYPE html><title>blank</title>");
    let blank = browser.show(&home.path().join("blank.html"), (1280, 1600), false, home.path()).picture;
    // A page that asks is seen to ask.
    home.write("asks.html", "<!DOCTYPE html><title>asks</title><img src=http://example.com/x.png>");
    let asks = browser.show(&home.path().join("asks.html"), (640, 480), false, home.path());
    assert!(asks.requests.iter().any(|url| url == "http://example.com/x.png"), "{:?}", asks.requests);
    for page in pages {
        let name = page.display();
        let mut pictures = Vec::new();
        for (width, dark) in [(1280, false), (1280, true), (400, false), (400, true)] {
            let shown = browser.show(&page, (width, 1600), dark, home.path());
            let (console, requests) = (shown.console, shown.requests);
            assert_eq!((console, requests), (Vec::<String>::new(), Vec::<String>::new()), "{name} {width} {dark}");
            assert!(shown.picture.len() > blank.len() * 3, "{name} {width} {dark}: {} bytes", shown.picture.len());
            pictures.push(shown.picture);
        }
        assert_ne!(pictures[0], pictures[1], "{name}: dark is not light");
        assert_ne!(pictures[2], pictures[3], "{name}: dark is not light");
    }
}
