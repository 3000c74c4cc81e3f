//! What a token must allow (distribution specification, "Token scope").

use std::collections::BTreeMap;
use std::fmt;

/// Resources and actions, such as `repository:ns/app:pull,push`. Sorted, so that equal scopes are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Scope(BTreeMap<String, Vec<String>>);

impl Scope {
    /// Nothing but a login.
    pub(crate) fn login() -> Self {
        Self::default()
    }

    pub(crate) fn pull(path: &str) -> Self {
        Self::login().and(&format!("repository:{path}"), &["pull"])
    }

    pub(crate) fn push(path: &str) -> Self {
        Self::login().and(&format!("repository:{path}"), &["pull", "push"])
    }

    pub(crate) fn delete(path: &str) -> Self {
        Self::login().and(&format!("repository:{path}"), &["*"])
    }

    /// This scope with `pull` on a further repository, for a mount.
    pub(crate) fn and_pull(self, path: &str) -> Self {
        self.and(&format!("repository:{path}"), &["pull"])
    }

    fn and(mut self, resource: &str, actions: &[&str]) -> Self {
        let entry = self.0.entry(resource.to_owned()).or_default();
        entry.extend(actions.iter().map(|action| (*action).to_owned()));
        entry.sort();
        entry.dedup();
        self
    }

    /// This scope with the names that a challenge has for what `*` covers already: words of the form
    /// `type:name:action,action`. A registry that asks for more than its request needs does not get it: the token would let
    /// it do more, or elsewhere.
    pub(crate) fn spelled_as(mut self, challenge: &str) -> Self {
        for word in challenge.split_ascii_whitespace() {
            let Some((resource, actions)) = word.rsplit_once(':') else { continue };
            if self.0.get(resource).is_some_and(|own| own.iter().any(|action| action == "*")) {
                self = self.and(resource, &actions.split(',').filter(|action| !action.is_empty()).collect::<Vec<_>>());
            }
        }
        self
    }

    /// The scope as the words a token server reads, one per resource.
    pub(crate) fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(resource, actions)| format!("{resource}:{}", actions.join(",")))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_challenge_widens_a_scope() {
        fn check(own: Scope, challenge: &str, expected: &str) {
            assert_eq!(own.spelled_as(challenge).to_string(), expected, "{challenge}");
        }
        let pull = || Scope::pull("ns/app");
        check(pull(), "repository:ns/app:pull", "repository:ns/app:pull");
        check(pull(), "repository:ns/app:pull,push", "repository:ns/app:pull");
        check(pull(), "repository:ns/app:*", "repository:ns/app:pull");
        check(pull(), "repository:ns/other:pull", "repository:ns/app:pull");
        check(pull(), "registry:catalog:*", "repository:ns/app:pull");
        check(Scope::push("ns/app"), "repository:ns/app:delete", "repository:ns/app:pull,push");
        check(Scope::login(), "repository:ns/app:pull", "");
        check(Scope::delete("ns/app"), "repository:ns/app:delete repository:b:pull", "repository:ns/app:*,delete");
        check(pull(), "nonsense", "repository:ns/app:pull");
    }
}
