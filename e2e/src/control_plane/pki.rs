//! The keys and certificates of one control plane: a CA made for it alone, and what it signed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, SanType,
};

use super::error::Error;
use crate::node;

/// A certificate and its key, as PEM.
pub(super) struct Identity {
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

/// Paths of a certificate and its key.
pub(super) struct IdentityFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Everything that the components read, as files in one folder.
pub(super) struct Pki {
    pub(super) ca: PathBuf,
    pub(super) ca_pem: String,
    /// Presented by the API server and by etcd, and by the API server to etcd.
    pub(super) server: IdentityFiles,
    /// Signs service-account tokens.
    pub(super) token_key: PathBuf,
    /// Verifies them.
    pub(super) token_public_key: PathBuf,
    /// A member of `system:masters`.
    pub(super) admin: Identity,
    /// `system:kube-controller-manager`.
    pub(super) controller_manager: Identity,
    /// `system:kube-scheduler`.
    pub(super) scheduler: Identity,
    /// The node, as its kubelet.
    pub(super) kubelet: Identity,
}

impl Pki {
    /// Makes a CA and all that it signs, and writes what the components need into `folder`.
    pub(super) fn write(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        let ca = Authority::new()?;
        let ca_pem = ca.certificate_pem.clone();

        let server = ca.server()?;
        // As Entra ID takes the tokens of an issuer.
        let token = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            write_private(&path, text).map(|()| path)
        };
        Ok(Self {
            ca: file("ca.crt", &ca_pem)?,
            server: IdentityFiles {
                certificate: file("server.crt", &server.certificate_pem)?,
                key: file("server.key", &server.key_pem)?,
            },
            token_key: file("service-account.key", &token.serialize_pem())?,
            token_public_key: file("service-account.pub", &token.public_key_pem())?,
            admin: ca.client("bindery-admin", Some("system:masters"))?,
            controller_manager: ca.client("system:kube-controller-manager", None)?,
            scheduler: ca.client("system:kube-scheduler", None)?,
            kubelet: ca.client(&format!("system:node:{}", node::NAME), Some("system:nodes"))?,
            ca_pem,
        })
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl Authority {
    fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "bindery-control-plane");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate_pem })
    }

    fn server(&self) -> Result<Identity, Error> {
        let mut params =
            CertificateParams::new(vec!["localhost".to_string(), "kubernetes.default.svc".to_string()])?;
        for address in [Ipv4Addr::LOCALHOST, node::API_SERVICE] {
            params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(address)));
        }
        self.sign(params, "kube-apiserver", None)
    }

    /// The common name is the user, the organization the group.
    fn client(&self, user: &str, group: Option<&str>) -> Result<Identity, Error> {
        self.sign(CertificateParams::default(), user, group)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        name: &str,
        group: Option<&str>,
    ) -> Result<Identity, Error> {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok(Identity {
            certificate_pem: params.signed_by(&key, &self.issuer)?.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io("write", path))
}
