//! Ada, who trains the model and calls it: a client of Azure of her own, by plain REST.

use azureml_emulator::{Client, Emulator, JobSeed};
use serde_json::{Value, json};

use super::{Error, azure_id, story};

const ID: &str = "0b5e7a11-0000-4000-8000-000000000002";
const SECRET: &str = "ada-keeps-none-either";
const API_VERSION: &str = "2025-09-01";

/// What Entra has to know of her.
pub fn registration() -> Client {
    Client { client_id: ID.into(), name: "ada".into(), secret: Some(SECRET.into()), ..Client::default() }
}

/// A token for a scope.
async fn token(http: &reqwest::Client, authority: &str, scope: &str) -> Result<String, Error> {
    let form = format!("grant_type=client_credentials&client_id={ID}&client_secret={SECRET}&scope={scope}");
    let request = http.post(authority).body(form);
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(answer["access_token"].as_str().ok_or("Entra gave no token")?.to_string())
}

/// Ada with her token.
pub struct Ada {
    pub http: reqwest::Client,
    url: String,
    token: String,
}

impl Ada {
    /// Signs her in.
    ///
    /// # Errors
    ///
    /// Entra does not know her: [`registration`] is not among the clients of the emulator.
    pub async fn sign_in(emulator: &Emulator) -> Result<Self, Error> {
        let authority = reqwest::Certificate::from_pem(emulator.ca_pem().as_bytes())?;
        let http = reqwest::Client::builder().tls_certs_only([authority]).build()?;
        let url = emulator.url();
        let tenant = story::TENANT;
        let authority = format!("{url}/{tenant}/oauth2/v2.0/token");
        let token = token(&http, &authority, "https%3A%2F%2Fmanagement.azure.com%2F.default").await?;
        Ok(Self { http, url, token })
    }

    /// Starts a job on the default deployment of a batch endpoint; the job's name.
    pub async fn invoke(&self, workspace: &str, endpoint: &str) -> Result<String, Error> {
        let path = format!("workspaces/{workspace}/batchEndpoints/{endpoint}");
        let found = self.send(self.http.get(self.resource(&path))).await?;
        let uri = found["properties"]["scoringUri"].as_str().ok_or("the endpoint has no scoringUri")?;
        let authority = format!("{}/{}/oauth2/v2.0/token", self.url, story::TENANT);
        let token = token(&self.http, &authority, "https%3A%2F%2Fml.azure.com%2F.default").await?;
        let trips = json!({"jobInputType": "UriFolder", "uri": "azureml://datastores/models/paths/trips/"});
        let body = json!({"properties": {"inputData": {"trips": trips}}});
        let answer = self.http.post(uri).bearer_auth(token).json(&body).send().await?;
        let (status, made) = (answer.status(), answer.json::<Value>().await?);
        Ok(made["name"].as_str().ok_or_else(|| format!("Azure answered {status}: {made}"))?.to_string())
    }

    /// Starts a training job in a workspace.
    pub async fn train(&self, workspace: &str, job: &JobSeed) -> Result<(), Error> {
        let body = json!({"properties": {
            "jobType": "Command",
            "displayName": job.name,
            "experimentName": job.experiment_name,
            "command": "python train.py --data ${{inputs.training_data}}",
            "environmentId": job.environment_id,
            "inputs": job.inputs,
            "properties": job.properties,
        }});
        let request = self.http.put(self.resource(&format!("workspaces/{workspace}/jobs/{}", job.name)));
        self.send(request.json(&body)).await.map(|_| ())
    }

    /// The status of a job: `NotStarted`, `Running`, `Completed` and so on.
    pub async fn job_status(&self, workspace: &str, job: &str) -> Result<String, Error> {
        let request = self.http.get(self.resource(&format!("workspaces/{workspace}/jobs/{job}")));
        let answer = self.send(request).await?;
        Ok(answer["properties"]["status"].as_str().unwrap_or_default().to_string())
    }

    /// The first key of an endpoint.
    pub async fn endpoint_key(&self, workspace: &str, endpoint: &str) -> Result<String, Error> {
        let path = format!("workspaces/{workspace}/onlineEndpoints/{endpoint}/listKeys");
        let answer = self.send(self.http.post(self.resource(&path)).body("")).await?;
        Ok(answer["primaryKey"].as_str().ok_or("listKeys gave no key")?.to_string())
    }

    fn resource(&self, path: &str) -> String {
        format!("{}{}?api-version={API_VERSION}", self.url, azure_id(path))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, Error> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text)?);
        }
        Err(format!("Azure answered {status}: {text}").into())
    }
}
