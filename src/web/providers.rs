//! `POST /hooks/mail/{provider}/{secret}`: what a provider says became of letters is checked, stored, and answered after the
//! commit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics::counter;

use super::intake::Intake;
use super::problem::Problem;
use super::{App, WebState};
use crate::engine::Wakes;
use crate::mail::returns::provider::{Certificate, Disbelieved, Heard, Notice, Provider, Sns};
use crate::settings::ProviderKind;
use crate::store::{NewReturned, ReturnedForm};

/// How long Amazon may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest certificate.
const MAX_CERTIFICATE: usize = 64 * 1024;

/// The providers of the settings, and what is needed to hear them.
pub struct Providers {
    by_name: BTreeMap<String, Provider>,
    http: reqwest::Client,
    /// Certificates of Amazon by their address: they change about once a year, under another address.
    certificates: Mutex<BTreeMap<String, Certificate>>,
    wakes: Arc<Wakes>,
}

impl Providers {
    /// The providers; their loop is woken by `wakes`.
    pub fn new(providers: impl IntoIterator<Item = Provider>, wakes: Arc<Wakes>) -> Result<Self, reqwest::Error> {
        // A redirect would lead away from the address that was found to be Amazon's.
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
        let by_name = providers.into_iter().map(|provider| (provider.name.clone(), provider)).collect();
        Ok(Self { by_name, http, certificates: Mutex::default(), wakes })
    }

    /// Whether the provider exists and the secret is its own. An unknown one costs the same comparison.
    fn find(&self, name: &str, secret: &str) -> Option<&Provider> {
        let known = self.by_name.get(name);
        let right = known.or_else(|| self.by_name.values().next()).is_some_and(|p| p.verify_secret(secret));
        known.filter(|_| right)
    }

    /// Keeps a certificate for its address.
    pub fn remember(&self, url: &str, certificate: Certificate) {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), certificate);
    }

    async fn certificate(&self, sns: &Sns) -> Result<Certificate, Problem> {
        let Some(url) = sns.certificate_url() else {
            return Err(disbelieved(&Disbelieved("its certificate is not at an address of Amazon's")));
        };
        let known = self.certificates.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let pem = self.get(url).await?;
        let certificate = Certificate::read(&pem).ok_or_else(|| not_now("Amazon's certificate can't be read"))?;
        self.remember(url, certificate.clone());
        Ok(certificate)
    }

    async fn get(&self, url: &str) -> Result<Bytes, Problem> {
        let answer = async { self.http.get(url).send().await?.error_for_status()?.bytes().await };
        match answer.await {
            Ok(bytes) if bytes.len() <= MAX_CERTIFICATE => Ok(bytes),
            Ok(_) => Err(not_now("Amazon's answer is too large")),
            Err(error) => {
                tracing::warn!(error = &error.without_url() as &dyn std::error::Error, "Amazon could not be asked");
                Err(not_now("Amazon could not be asked"))
            }
        }
    }
}

/// The handler.
pub async fn take(
    State(state): State<App>,
    Path((name, secret)): Path<(String, String)>,
    Extension(intake): Extension<Intake>,
    request: Request,
) -> Response {
    let taken = accept(&state, &intake, &name, &secret, request).await;
    let (answer, response) = match taken {
        // What is not 2xx is sent again, and SNS gives a topic up that is answered with 2xx other than 200.
        Ok(()) => ("accepted", StatusCode::OK.into_response()),
        Err(problem) => (problem.code, problem.into_response()),
    };
    counter!("milepost_provider_hooks_total", "answer" => answer).increment(1);
    response
}

async fn accept(state: &WebState, intake: &Intake, name: &str, secret: &str, request: Request) -> Result<(), Problem> {
    let providers = &state.providers;
    // First the secret: a stranger's body is not even read.
    let Some(provider) = providers.find(name, secret) else { return Err(Problem::not_found()) };
    let headers = request.headers().clone();
    let (body, _share) = intake.read(request).await?;
    let heard = if provider.kind == ProviderKind::Ses {
        match ses(providers, provider, &body, value(&headers, "authorization")).await? {
            Some(heard) => heard,
            None => return Ok(()),
        }
    } else {
        let header = |name: &str| value(&headers, name);
        provider.hear(&body, header, state.clock.now()).map_err(|why| told(name, &why))?
    };
    let thing = NewReturned {
        source: name.to_owned(),
        form: form(provider.kind),
        recipients: Vec::new(),
        bytes: heard.bytes,
        once: Some(heard.once),
        received_at: state.clock.now(),
    };
    let kept = async {
        let mut tx = state.store.begin().await?;
        tx.put_returned(&[thing]).await?;
        tx.commit().await
    };
    kept.await.map_err(|error| {
        super::problem::log_failure(&error);
        not_now("Storing failed. Nothing was taken; send it again.")
    })?;
    providers.wakes.returns.notify_one();
    Ok(())
}

/// A message of SNS: what it says of letters, or `None` if it only asks to be listened to, which is answered here.
async fn ses(
    providers: &Providers,
    provider: &Provider,
    body: &[u8],
    authorization: Option<&str>,
) -> Result<Option<Heard>, Problem> {
    let sns = provider.read_sns(body, authorization).map_err(|why| told(&provider.name, &why))?;
    let certificate = providers.certificate(&sns).await?;
    match sns.check(&certificate).map_err(|why| told(&provider.name, &why))? {
        Notice::Heard(heard) => Ok(Some(heard)),
        Notice::Confirm(url) => {
            providers.get(&url).await?;
            tracing::info!(provider.name = provider.name, "a topic of SNS is listened to");
            Ok(None)
        }
        Notice::Farewell => {
            tracing::warn!(provider.name = provider.name, "a topic of SNS is listened to no more");
            Ok(None)
        }
    }
}

fn form(kind: ProviderKind) -> ReturnedForm {
    match kind {
        ProviderKind::Ses => ReturnedForm::Ses,
        ProviderKind::Sendgrid => ReturnedForm::Sendgrid,
        ProviderKind::Mailgun => ReturnedForm::Mailgun,
        ProviderKind::Postmark => ReturnedForm::Postmark,
    }
}

fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn told(provider: &str, why: &Disbelieved) -> Problem {
    tracing::warn!(provider.name = provider, reason = why.0, "a provider's webhook is not believed");
    disbelieved(why)
}

fn disbelieved(why: &Disbelieved) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not_believed", format!("This is not believed: {why}."))
}

fn not_now(message: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_now", message)
}
