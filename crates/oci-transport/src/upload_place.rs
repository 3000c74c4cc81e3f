//! Where an upload goes on: at the registry itself, or at another name of it (such as Quay's `SERVER_HOSTNAME`).
//!
//! Another name gets the credentials that the user has for that name, and no others: those of the registry stay with the
//! registry, and what is given on the command line belongs to the host that was named there. They are sent once that host
//! has asked for them, so that an address with a signature of its own is left as it is.

use std::sync::Arc;

use image_ref::Repository;

use crate::address::{host_of, origin};
use crate::call::{Call, Reply};
use crate::endpoint::Endpoint;
use crate::error::{Condition, Error, Hint};
use crate::host::Host;
use crate::inner::Inner;
use crate::location::same_origin;

impl Inner {
    /// Sends a request of an upload session, once.
    ///
    /// # Errors
    /// As [`Inner::call`]. Where another name of the registry refuses, the error names it and says why it was asked.
    pub(crate) async fn call_session(
        self: &Arc<Self>,
        host: &Arc<Host>,
        at: &Endpoint,
        mut call: Call<'_>,
    ) -> Result<Reply, Error> {
        let name = host_of(&call.url);
        let is_home = host.base.get().is_none_or(|base| same_origin(base, &call.url)) || name == host.registry;
        if is_home {
            call.endpoint = Some(at);
            return self.call(host, call).await;
        }
        host.admit("the upload", &call.url, call.action).await?;
        let repository = Repository::new(&name, at.repository.path()).map_err(|error| {
            let message = format!("the registry sends the upload to `{}`: {error}", origin(&call.url));
            Error::new(Condition::Redirect, call.action, message).with_registry(&host.registry)
        })?;
        let there = self.elsewhere(host, &name)?;
        let other = Endpoint { repository, logical: at.logical.clone(), mirror: at.mirror, insecure: host.insecure };
        let place = origin(&call.url);
        call.endpoint = Some(&other);
        self.call(&there, call).await.map_err(|error| {
            if error.status_code().is_none() {
                return error;
            }
            let was_known = matches!(error.hint(), Some(Hint::CheckCredentials { .. }));
            // Whom no credentials would help says so by 403: a signature in the address that has expired, for one.
            let wants_credentials = error.condition() == Condition::Unauthorized || was_known;
            let message = format!(
                "`{}` sends the upload to `{place}`, one more name of the registry, which answers: {}",
                host.registry,
                error.message()
            );
            let hint = Hint::UploadElsewhere { host: name.clone(), registry: host.registry.clone(), was_known };
            let error = error.with_message(message);
            if wants_credentials { error.with_hint(hint) } else { error }
        })
    }
}
