//! Text that nests without end is a mistake, or ignored where it stands, and never the end of the stack.

use registries_conf::{AuthFile, Policy, RegistriesConf, RegistriesD};

use crate::layer;

#[test]
fn nesting_without_end() {
    const DEPTH: usize = 200_000;
    let arrays = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEPTH), "}".repeat(DEPTH));
    let open = "[".repeat(DEPTH);
    for deep in [arrays.as_str(), &objects, &open] {
        for text in [deep.to_owned(), format!("{{\"default\": {deep}}}"), format!("{{\"transports\": {deep}}}")] {
            assert!(Policy::parse("policy.json", &text).is_err());
        }
        assert!(AuthFile::parse(&format!("{{\"auths\": {{\"a.io\": {{\"auth\": {deep}}}}}}}")).is_err());
        assert!(AuthFile::parse(&format!("{{\"credHelpers\": {{\"a.io\": {deep}}}}}")).is_err());
        for text in [deep.to_owned(), format!("docker: {deep}"), format!("default-docker: {deep}")] {
            assert!(RegistriesD::from_layers(&[layer("a.yaml", &text)]).is_err());
        }
        for text in [deep.to_owned(), format!("registry = {deep}")] {
            assert!(RegistriesConf::from_layers(&[layer("r.conf", &text)]).is_err());
        }
        // What stands where nobody looks may be passed over.
        let _ = AuthFile::parse_legacy(deep);
        let _ = AuthFile::parse(deep);
        let _ = AuthFile::parse(&format!("{{\"auths\": {{}}, \"other\": {deep}}}"));
        let _ = RegistriesConf::from_layers(&[layer("r.conf", &format!("other = {deep}"))]);
    }
}
