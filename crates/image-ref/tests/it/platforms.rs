//! Platforms: their text, and which instances they select.

use image_ref::Platform;

#[test]
fn texts() {
    for text in ["linux/amd64", "linux/arm64/v8", "windows/amd64"] {
        assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
    }
    for text in ["", "linux", "linux/", "/amd64", "linux/arm64/", "linux/arm64/v8/x", "linux /amd64", "linux/amd64\n"] {
        assert!(text.parse::<Platform>().is_err(), "{text}");
    }
}

#[test]
fn selection() {
    for (wanted, instance, expected) in [
        ("linux/amd64", "linux/amd64", true),
        ("linux/amd64", "linux/arm64", false),
        ("linux/amd64", "windows/amd64", false),
        ("linux/arm64", "linux/arm64/v8", true),
        ("linux/arm64/v8", "linux/arm64/v8", true),
        ("linux/arm64/v8", "linux/arm64/v7", false),
        ("linux/arm64/v8", "linux/arm64", false),
    ] {
        let (wanted, instance): (Platform, Platform) = (wanted.parse().unwrap(), instance.parse().unwrap());
        assert_eq!(wanted.selects(&instance), expected, "{wanted} {instance}");
    }
}

#[test]
fn as_in_an_image_index() {
    let platform: Platform =
        serde_json::from_str(r#"{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1"}"#).unwrap();
    assert_eq!(platform.to_string(), "linux/arm64/v8");
    assert_eq!(serde_json::from_str::<Platform>("{}").unwrap(), Platform::new("", ""));
    assert_eq!(
        serde_json::to_string(&Platform::new("linux", "amd64")).unwrap(),
        r#"{"os":"linux","architecture":"amd64"}"#
    );
}
