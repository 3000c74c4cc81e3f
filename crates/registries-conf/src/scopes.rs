//! The names under which policy.json and registries.d may speak about an image, most specific first
//! (containers-policy.json(5), "docker:").

use image_ref::ImageRef;

/// The scopes of a registry reference: the reference itself, its repository, the namespaces above, the host with its
/// port, and `*.` forms of the domains above the host. The name is taken after [`ImageRef::normalized`].
///
/// ```
/// use image_ref::ImageRef;
///
/// let image = ImageRef::parse("a.reg.io:5000/ns/app:1").unwrap();
/// assert_eq!(
///     registries_conf::registry_scopes(&image),
///     ["a.reg.io:5000/ns/app:1", "a.reg.io:5000/ns/app", "a.reg.io:5000/ns", "a.reg.io:5000", "*.reg.io", "*.io"],
/// );
/// ```
pub fn registry_scopes(image: &ImageRef) -> Vec<String> {
    let image = image.normalized();
    let mut scopes = Vec::new();
    match (image.digest(), image.tag()) {
        // A digest decides what is pulled, so it is the more specific half of `name:tag@digest`.
        (Some(digest), _) => scopes.push(format!("{}@{digest}", image.name())),
        (None, Some(tag)) => scopes.push(format!("{}:{tag}", image.name())),
        (None, None) => scopes.push(format!("{}:latest", image.name())),
    }
    let mut name = image.name();
    scopes.push(name.to_owned());
    while let Some((parent, _)) = name.rsplit_once('/') {
        scopes.push(parent.to_owned());
        name = parent;
    }
    let mut host = name.split(':').next().unwrap_or(name);
    while let Some((_, domain)) = host.split_once('.') {
        scopes.push(format!("*.{domain}"));
        host = domain;
    }
    scopes
}
