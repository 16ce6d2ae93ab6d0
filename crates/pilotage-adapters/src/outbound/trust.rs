use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, TrustAnchor},
};

/// The certificates of the operating system that can be used as roots, or none where it has none.
///
/// The operating system's list decides, so that an organisation's own authority works and one that the administrator
/// took out stays out. `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
pub(crate) fn root_certificates() -> Vec<CertificateDer<'static>> {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::debug!(%error, "a root certificate of the operating system cannot be read");
    }
    let usable = |root: &CertificateDer<'static>| RootCertStore::empty().add(root.clone()).is_ok();
    loaded.certs.into_iter().filter(usable).collect()
}

/// The roots to trust: the operating system's, or Mozilla's as compiled in where that has none (a bare container).
pub(super) fn root_store() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(root_certificates());
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().map(TrustAnchor::to_owned));
    }
    store
}
