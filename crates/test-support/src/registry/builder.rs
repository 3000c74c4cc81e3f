//! Configuring and starting a registry.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use tokio_rustls::TlsAcceptor;

use super::auth::Auth;
use super::fault::{ActiveFault, Fault};
use super::profile::Profile;
use super::storage::{self, Blobs, Storage};
use super::{Options, Registry, Shared, server};
use crate::{ServerCertificate, TestCa};

/// Configures a [`Registry`].
#[derive(Debug)]
pub struct RegistryBuilder {
    auth: Auth,
    storage: Storage,
    tls: Option<TlsAcceptorOf>,
    options: Options,
    habits: Vec<Fault>,
    address: IpAddr,
}

/// A TLS acceptor with a `Debug` that says nothing.
#[derive(Clone)]
struct TlsAcceptorOf(TlsAcceptor);

impl std::fmt::Debug for TlsAcceptorOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            storage: Storage::Memory,
            tls: None,
            options: Options {
                sparse: false,
                referrers: true,
                mounts: true,
                http1_only: false,
                strict_sessions: false,
                page_size: None,
                minimum_chunk: None,
            },
            habits: Vec::new(),
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }
}

impl RegistryBuilder {
    /// Where it listens. Default: `127.0.0.1`.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// How it asks for credentials. Default: not at all.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Serves HTTPS with a certificate of this CA. Default: plain HTTP.
    #[must_use]
    pub fn tls(mut self, ca: &TestCa) -> Self {
        self.tls = Some(TlsAcceptorOf(ca.acceptor(false)));
        self
    }

    /// Serves HTTPS with this certificate.
    #[must_use]
    pub fn certificate(mut self, certificate: &ServerCertificate) -> Self {
        self.tls = Some(TlsAcceptorOf(certificate.acceptor()));
        self
    }

    /// Serves HTTPS and wants a client certificate of the same CA.
    #[must_use]
    pub fn tls_with_client_certificate(mut self, ca: &TestCa) -> Self {
        self.tls = Some(TlsAcceptorOf(ca.acceptor(true)));
        self
    }

    /// Where the blobs are. Default: in memory.
    #[must_use]
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Takes lists of which some instances are missing. Default: refuses them, as most registries do.
    #[must_use]
    pub fn sparse(mut self, sparse: bool) -> Self {
        self.options.sparse = sparse;
        self
    }

    /// Offers the referrers API; without it the path answers 404. Default: yes.
    #[must_use]
    pub fn referrers(mut self, referrers: bool) -> Self {
        self.options.referrers = referrers;
        self
    }

    /// Mounts blobs across repositories; without it a mount becomes an upload (202). Default: yes.
    #[must_use]
    pub fn mounts(mut self, mounts: bool) -> Self {
        self.options.mounts = mounts;
        self
    }

    /// Speaks HTTP/1.1 only. Default: HTTP/2 too, by ALPN or prior knowledge.
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.options.http1_only = true;
        self
    }

    /// Goes on with an upload only at the address it gave last: one that broke off in the middle of a request is lost
    /// (404), as with `docker-registry` 2.8. Default: the address names the upload, and tells how much of it is there.
    #[must_use]
    pub fn strict_sessions(mut self) -> Self {
        self.options.strict_sessions = true;
        self
    }

    /// Gives lists in pages of at most so many entries, whatever the client asks for. Default: as asked.
    #[must_use]
    pub fn page_size(mut self, entries: usize) -> Self {
        self.options.page_size = Some(entries);
        self
    }

    /// Takes uploads in chunks of at least so many bytes, the last one aside, and says so where a session begins
    /// (`OCI-Chunk-Min-Length`). Whatever follows a smaller chunk is refused (400 `SIZE_INVALID`). Default: any size.
    #[must_use]
    pub fn minimum_chunk(mut self, bytes: u64) -> Self {
        self.options.minimum_chunk = Some(bytes);
        self
    }

    /// Takes on the habits of a registry of others, and asks for [`Profile::USER`] and [`Profile::PASSWORD`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.habits = profile.faults();
        self.options.referrers = profile.has_referrers();
        self.auth(profile.auth())
    }

    /// Starts it. It is ready when this returns; the future is for symmetry with other clients and servers.
    pub fn start(self) -> Ready<Registry> {
        ready(self.start_blocking())
    }

    /// Starts it, from a program that has no async runtime, or from one that has.
    pub fn start_blocking(self) -> Registry {
        let (listener, address) = server::bind(self.address).expect("a port is free");
        let (cdn_listener, cdn_address) = server::bind(self.address).expect("a port is free");
        let shared = Arc::new(Shared {
            host: address.to_string(),
            cdn_host: cdn_address.to_string(),
            tls: self.tls.is_some(),
            auth: self.auth,
            options: self.options,
            blobs: Blobs::open(&self.storage).expect("the storage folder can be made"),
            repositories: Mutex::new(storage::load(&self.storage).expect("the storage folder can be read")),
            storage: self.storage,
            uploads: Mutex::default(),
            sessions: 0.into(),
            tokens: super::auth::Tokens::default(),
            log: Mutex::default(),
            running: 0.into(),
            most_running: 0.into(),
            faults: Mutex::default(),
            habits: self.habits.into_iter().map(ActiveFault::new).collect(),
        });
        let mut tls = self.tls.map(|tls| tls.0);
        if self.options.http1_only
            && let Some(acceptor) = &tls
        {
            let mut config = acceptor.config().as_ref().clone();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            tls = Some(TlsAcceptor::from(Arc::new(config)));
        }
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let state = Arc::clone(&shared);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("test-registry")
                .enable_all()
                .build()
                .expect("threads can be started");
            runtime.block_on(async move {
                let listen = |listener| tokio::net::TcpListener::from_std(listener).expect("a bound socket");
                tokio::spawn(server::serve(listen(listener), tls.clone(), Arc::clone(&state), false));
                tokio::spawn(server::serve(listen(cdn_listener), tls, state, true));
                // Ends when the registry is dropped, which drops the sender.
                drop(stopped.await);
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("test-registry".to_owned()).spawn(run);
        Registry { shared, stop: Some(stop), thread: Some(thread.expect("a thread can be started")) }
    }
}
