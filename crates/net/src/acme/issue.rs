//! One order: from the request for a certificate to its chain.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use tokio::time::sleep;

use super::{
    account::AccountError,
    challenges::{Challenges, ProofError},
    folder::{Folder, FolderError, Pending},
    schedule::Failure,
};

/// From the answered challenge to the order that is ready, and from there to
/// the certificate.
const VALIDATION: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).timeout(Duration::from_secs(90));

/// Why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The folder failed.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The authority could not be asked, or answered with an error.
    #[error("the authority failed at {0}")]
    Authority(&'static str, #[source] instant_acme::Error),
    /// The authority offers no challenge we can answer.
    #[error("the authority offers neither HTTP-01 nor TLS-ALPN-01 for `{0}`")]
    NoChallenge(String),
    /// The authority could not convince itself that the host is ours.
    #[error("the authority did not find `{name}` here by {by}: {reason}")]
    NotProved {
        /// The host name.
        name: String,
        /// The challenge that was answered.
        by: &'static str,
        /// What the authority says.
        reason: String,
    },
    /// A challenge could not be answered.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A key or a request could not be made.
    #[error("cannot make a certificate request for `{0}`")]
    Request(String, #[source] rcgen::Error),
    /// What the authority sent is not a certificate for the key.
    #[error("the authority sent a certificate for `{0}` that cannot be used")]
    Unusable(String),
}

impl IssueError {
    /// What kind of failure this was, for the wait after it.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Authority(_, instant_acme::Error::Api(_))
            | Self::Account(AccountError::Register(instant_acme::Error::Api(_)))
            | Self::NotProved { .. }
            | Self::NoChallenge(_)
            | Self::Unusable(_) => Failure::Refused,
            _ => Failure::Unreached,
        }
    }
}

/// A way to prove that a name is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Http,
    TlsAlpn,
}

impl Proof {
    fn challenge(self) -> ChallengeType {
        match self {
            Self::Http => ChallengeType::Http01,
            Self::TlsAlpn => ChallengeType::TlsAlpn01,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP-01",
            Self::TlsAlpn => "TLS-ALPN-01",
        }
    }
}

/// What an order needs.
pub(super) struct Task<'a> {
    pub(super) account: &'a Account,
    pub(super) folder: &'a Folder,
    pub(super) challenges: &'a Challenges,
    pub(super) name: &'a str,
    /// In the order of preference.
    pub(super) proofs: &'a [Proof],
    /// The certificate this one is to replace.
    pub(super) replaces: Option<CertificateIdentifier<'static>>,
    /// From the written challenge until every process that shares the folder
    /// has read it.
    pub(super) settle: Duration,
}

impl Task<'_> {
    /// A new private key and its chain, in one PEM text. Call with the
    /// folder's lock held.
    pub(super) async fn run(self) -> Result<String, IssueError> {
        let result = self.order_and_prove().await;
        // Answers to challenges are of no use to anyone after their order.
        self.folder.clear_challenges()?;
        self.challenges.set(&[])?;
        result
    }

    async fn order_and_prove(&self) -> Result<String, IssueError> {
        self.folder.clear_challenges()?;
        let mut order = self.place().await?;
        if order.state().status == OrderStatus::Pending {
            let by = self.answer_challenges(&mut order).await?;
            let status = order
                .poll_ready(&VALIDATION)
                .await
                .map_err(|error| IssueError::Authority("validation", error));
            if !matches!(status, Ok(OrderStatus::Ready)) {
                if let Some(reason) = refusal(&mut order).await {
                    let name = self.name.to_owned();
                    return Err(IssueError::NotProved { name, by: by.name(), reason });
                }
                status?;
            }
        }
        self.finish(&mut order).await
    }

    /// Names the certificate to be replaced, which servers with ARI exempt from
    /// their limits; once more without when that is not accepted.
    async fn place(&self) -> Result<Order, IssueError> {
        let identifiers = [Identifier::Dns(self.name.to_owned())];
        let plain = NewOrder::new(&identifiers);
        if let Some(replaced) = &self.replaces {
            let renewal = NewOrder::new(&identifiers).replaces(replaced.clone());
            match self.account.new_order(&renewal).await {
                Ok(order) => return Ok(order),
                Err(error) => tracing::debug!(%error, "order placed without `replaces`"),
            }
        }
        self.account
            .new_order(&plain)
            .await
            .map_err(|error| IssueError::Authority("placing the order", error))
    }

    /// Puts the answers where they are asked for, and says so.
    async fn answer_challenges(&self, order: &mut Order) -> Result<Proof, IssueError> {
        let failed = |error| IssueError::Authority("the challenge", error);
        let mut chosen = self.proofs.first().copied().unwrap_or(Proof::TlsAlpn);
        let mut pending = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let offered = |proof: &&Proof| {
                authorization.challenges.iter().any(|known| known.r#type == proof.challenge())
            };
            let proof = self.proofs.iter().find(offered).copied();
            let challenge = proof.and_then(|proof| authorization.challenge(proof.challenge()));
            let (Some(proof), Some(challenge)) = (proof, challenge) else {
                return Err(IssueError::NoChallenge(self.name.to_owned()));
            };
            chosen = proof;
            pending.push(Pending {
                name: self.name.to_owned(),
                token: challenge.token.clone(),
                key_authorization: challenge.key_authorization().as_str().to_owned(),
            });
        }
        for challenge in &pending {
            self.folder.add_challenge(challenge)?;
        }
        self.challenges.set(&pending)?;
        sleep(self.settle).await;

        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(chosen.challenge()) {
                challenge.set_ready().await.map_err(failed)?;
            }
        }
        Ok(chosen)
    }

    async fn finish(&self, order: &mut Order) -> Result<String, IssueError> {
        let failed = |error| IssueError::Authority("issuing the certificate", error);
        let (key, request) = request(self.name)
            .map_err(|source| IssueError::Request(self.name.to_owned(), source))?;
        order.finalize_csr(&request).await.map_err(failed)?;
        let chain = order.poll_certificate(&VALIDATION).await.map_err(failed)?;
        Ok(format!("{key}{chain}"))
    }
}

/// A fresh key, and a request for `name` signed with it.
fn request(name: &str) -> Result<(String, Vec<u8>), rcgen::Error> {
    let mut params = rcgen::CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let key = rcgen::KeyPair::generate()?;
    let request = params.serialize_request(&key)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}

/// What the authority found wrong with our answer.
async fn refusal(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let refused = state.challenges.iter().find_map(|challenge| challenge.error.clone());
        if let Some(problem) = refused {
            let text = problem.to_string();
            return Some(problem.detail.unwrap_or(text));
        }
    }
    None
}
