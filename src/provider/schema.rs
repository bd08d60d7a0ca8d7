//! Which tables a tenant has, with the service's own words for their types: what `schema pull` is made of.
//!
//! A workspace's tables and functions come from Azure Resource Manager, so the token for alert rules will do. Defender has
//! no list of tables; each known one is asked for its columns with a query that reads no event. Nothing here knows KQL:
//! what the words mean is decided in `model::pulled`. Nothing is ever written to the tenant.

use std::sync::Arc;

use azure_core::http::{Method, Url};
use futures::stream::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::http::{Call, Service};
use super::{ErrorKind, ProviderError};
use crate::address::{Target, Workspace};

/// The first stable version in which tables carry their columns.
const TABLES_VERSION: &str = "2022-10-01";
/// CONTRACT B.12.
const SAVED_SEARCHES_VERSION: &str = "2020-08-01";
const NEXT_LINK: &str = "nextLink";

/// Queries under way at a time.
const QUERIES: usize = 4;

/// What a tenant said that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of the answer.
    pub tables: Vec<FoundTable>,
    /// Stored functions: alias, and parameters as the service keeps them (`a:int=1, b:string=''`).
    pub functions: Vec<(String, String)>,
    /// Tables that were asked for and are not in this tenant.
    pub absent: Vec<String>,
}

/// A table with its columns: name, and type in the service's words (`dateTime`, `boolean`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// Its name.
    pub name: String,
    /// In the order of the answer.
    pub columns: Vec<(String, String)>,
}

/// Reads the tables of a tenant. Made by [`super::Session::schema_reader`].
#[derive(Debug)]
pub struct SchemaReader {
    arm: Arc<Service>,
    graph: Arc<Service>,
}

impl SchemaReader {
    pub(super) fn new(arm: Arc<Service>, graph: Arc<Service>) -> Self {
        Self { arm, graph }
    }

    /// Every table of a workspace and every function that somebody stored in it.
    ///
    /// # Errors
    /// Those of a list. For [`ErrorKind::Forbidden`] the help names the role.
    pub async fn workspace(&self, workspace: &Arc<Workspace>) -> Result<Found, ProviderError> {
        let subject = Target::Sentinel(Arc::clone(workspace)).to_string();
        let list = async |collection, version| {
            let url = self.workspace_url(workspace, collection, version);
            let items = self.arm.pages(&subject, url, NEXT_LINK).await;
            items.map_err(|error| may_not(
                error,
                "assign the role `Log Analytics Reader` on the workspace, or above it: it may read tables and saved searches",
            ))
        };
        let tables = list("tables", TABLES_VERSION).await?;
        let functions = list("savedSearches", SAVED_SEARCHES_VERSION).await?;
        Ok(Found {
            tables: tables.iter().filter_map(workspace_table).collect(),
            functions: functions.iter().filter_map(function).collect(),
            absent: Vec::new(),
        })
    }

    /// The columns of those of `tables` that Defender has in this tenant.
    ///
    /// # Errors
    /// Those of a read, and the service's own when it refuses every table. For [`ErrorKind::Forbidden`] the help names the
    /// permission.
    pub async fn hunting(&self, tables: &[&str]) -> Result<Found, ProviderError> {
        let asked = futures::stream::iter(tables.iter().map(|table| self.hunting_table(table)));
        let answers: Vec<_> = asked.buffered(QUERIES).try_collect().await?;
        let (mut found, mut refusal) = (Found::default(), None);
        for (table, answer) in tables.iter().zip(answers) {
            match answer {
                Ok(columns) => found.tables.push(FoundTable { name: (*table).to_owned(), columns }),
                Err(refused) => {
                    found.absent.push((*table).to_owned());
                    refusal = Some(refused);
                }
            }
        }
        match refusal {
            // A tenant without any table: the reason is another than that each of them is missing.
            Some(refused) if found.tables.is_empty() => Err(refused),
            _ => Ok(found),
        }
    }

    /// A table's columns, or the refusal of a query over a table that is not there.
    async fn hunting_table(
        &self,
        table: &str,
    ) -> Result<Result<Vec<(String, String)>, ProviderError>, ProviderError> {
        let subject = format!("{}:{table}", Target::Defender);
        let body = json!({"Query": format!("{table} | getschema | project ColumnName, ColumnType")});
        let call = Call {
            operation: "read",
            subject: &subject,
            method: Method::Post,
            url: self.graph.url(["v1.0", "security", "runHuntingQuery"]),
            body: Some(&body),
            if_match: None,
        };
        match self.graph.call(call).await {
            Ok(answer) => match answer.body.get("results").and_then(Value::as_array) {
                Some(rows) => Ok(Ok(pairs(rows, "ColumnName", "ColumnType").collect())),
                None => Err(self.graph.nonsense("read", &subject, "the answer has no `results`")),
            },
            Err(error) if error.kind == ErrorKind::Rejected && error.status == Some(400) => Ok(Err(error)),
            Err(error) => Err(may_not(
                error,
                "grant the application permission `ThreatHunting.Read.All` on Microsoft Graph with an administrator's consent",
            )),
        }
    }

    fn workspace_url(&self, workspace: &Workspace, collection: &str, version: &str) -> Url {
        let mut url = self.arm.url([
            "subscriptions",
            &workspace.subscription,
            "resourceGroups",
            &workspace.resource_group,
            "providers",
            "Microsoft.OperationalInsights",
            "workspaces",
            &workspace.workspace,
            collection,
        ]);
        url.query_pairs_mut().append_pair("api-version", version);
        url
    }
}

/// A missing permission with its name: the usual advice is about rules.
fn may_not(error: ProviderError, help: &str) -> ProviderError {
    match error.kind {
        ErrorKind::Forbidden => ProviderError { help: Some(help.to_owned()), ..error },
        _ => error,
    }
}

fn workspace_table(item: &Value) -> Option<FoundTable> {
    let schema = item.pointer("/properties/schema")?;
    let of = |list: &str| schema.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let columns = ["standardColumns", "columns"].into_iter().flat_map(|list| pairs(of(list), "name", "type"));
    Some(FoundTable { name: item.get("name")?.as_str()?.to_owned(), columns: columns.collect() })
}

/// A saved search is a function when it has an alias (CONTRACT B.12).
fn function(item: &Value) -> Option<(String, String)> {
    let text = |name: &str| item.get("properties")?.get(name)?.as_str();
    let alias = text("functionAlias").filter(|alias| !alias.is_empty())?;
    Some((alias.to_owned(), text("functionParameters").unwrap_or_default().to_owned()))
}

fn pairs(rows: &[Value], name: &str, ty: &str) -> impl Iterator<Item = (String, String)> {
    let text = |row: &Value, key: &str| row.get(key)?.as_str().map(str::to_owned);
    rows.iter().filter_map(move |row| Some((text(row, name)?, text(row, ty)?)))
}
