//! What the rows have in common: one client, one way to ask.

use reqwest::{Client, Method, RequestBuilder, Response};
use test_support::Registry;

pub(crate) struct Asker {
    client: Client,
    url: String,
}

impl Asker {
    pub(crate) fn of(registry: &Registry) -> Self {
        Self::at(&registry.url())
    }

    pub(crate) fn at(url: &str) -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, url: url.to_owned() }
    }

    /// A request; `path` may be a whole URL.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    pub(crate) async fn ask(&self, method: &str, path: &str) -> Response {
        self.request(method, path).send().await.unwrap()
    }

    pub(crate) async fn status(&self, method: &str, path: &str) -> u16 {
        self.ask(method, path).await.status().as_u16()
    }
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
