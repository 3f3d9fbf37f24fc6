//! The account with the authority.

use std::{path::PathBuf, sync::Arc};

use instant_acme::{Account, Key};
use rcgen::KeyPair;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};

use super::{
    folder::{Folder, FolderError},
    http::Http,
};

/// Why there is no account to work with.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The folder failed.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A new key could not be made.
    #[error("cannot make an account key")]
    Generate(#[source] rcgen::Error),
    /// The key in the folder is damaged. It is never replaced by itself: the
    /// operator may have a copy.
    #[error(
        "`{path}` is not a P-256 private key in PEM; restore it, or move it away for a new account"
    )]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The authority did not accept it.
    #[error("the authority refused the account")]
    Register(#[source] instant_acme::Error),
}

/// The folder's account; a new one when it has none. Call with the folder's
/// lock held.
///
/// The key is on the disk before the authority hears of it, so that no account
/// is ever lost half-way: asking again with a known key finds its account.
pub(super) async fn open(
    folder: &Folder,
    http: &Http,
    directory: &str,
    contact: &str,
) -> Result<Account, AccountError> {
    let pem = match folder.account_key()? {
        Some(pem) => pem,
        None => {
            let pem = KeyPair::generate().map_err(AccountError::Generate)?.serialize_pem();
            folder.add_account_key(&pem)?;
            pem
        }
    };
    let broken = || AccountError::Key { path: folder.account_key_path() };
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| broken())?;
    let key = Key::from_pkcs8_der(der.clone_key()).map_err(|_| broken())?;
    let (account, _) = Account::builder_with_http(Box::new(http.clone()))
        .create_from_key((key, PrivateKeyDer::Pkcs8(der)), directory.to_owned())
        .await
        .map_err(AccountError::Register)?;
    if folder.contact()?.as_deref() != Some(contact) {
        let contact_url = format!("mailto:{contact}");
        account.update_contacts(&[&contact_url]).await.map_err(AccountError::Register)?;
        folder.put_contact(contact)?;
    }
    Ok(account)
}

/// The one account of a manager, opened at its first use.
#[derive(Default)]
pub(super) struct OpenAccount(Option<Arc<Account>>);

impl OpenAccount {
    pub(super) async fn get(
        &mut self,
        folder: &Folder,
        http: &Http,
        directory: &str,
        contact: &str,
    ) -> Result<Arc<Account>, AccountError> {
        if let Some(account) = &self.0 {
            return Ok(Arc::clone(account));
        }
        let account = Arc::new(open(folder, http, directory, contact).await?);
        self.0 = Some(Arc::clone(&account));
        Ok(account)
    }

    /// Opened anew at the next use: the directory may have changed.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}
