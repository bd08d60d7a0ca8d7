//! What a tenant says about its tables, as the schema file of an environment.
//!
//! Only what the built-in schema does not know is kept: a workspace has some seven hundred public tables, and a file that
//! repeats them would be read at every run and change with every release of the service. Pure: the tenant is asked in
//! `provider::schema`, the file is written in `cli::schema`. Start with [`Pulled`].

use serde_json::{Map, Value, json};

use crate::kql::schema::{Platform, Schema};
use crate::kql::types::ScalarType;

/// Columns that every table of a workspace has, whether its schema names them or not ("Standard columns in Azure Monitor
/// Logs"). Where it does name them, it calls some a GUID that queries see as text.
const STANDARD: [(&str, ScalarType); 8] = [
    ("TenantId", ScalarType::String),
    ("Type", ScalarType::String),
    ("_ResourceId", ScalarType::String),
    ("_SubscriptionId", ScalarType::String),
    ("_ItemId", ScalarType::String),
    ("_TimeReceived", ScalarType::DateTime),
    ("_IsBillable", ScalarType::String),
    ("_BilledSize", ScalarType::Real),
];

/// The tables and functions of one platform of an environment that are not built in, or not as they are built in.
#[derive(Debug)]
pub struct Pulled {
    platform: Platform,
    built_in: Schema,
    tables: Vec<(String, Columns)>,
    functions: Vec<(String, String)>,
}

type Columns = Vec<(String, ScalarType)>;

impl Pulled {
    /// Nothing yet. `platform` is Sentinel or XDR.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self { platform, built_in: Schema::built_in(platform), tables: Vec::new(), functions: Vec::new() }
    }

    /// Adds a table; its types are the service's words. What several workspaces call the same has the columns of all.
    pub fn add_table(&mut self, name: &str, columns: &[(String, String)]) {
        let known = self.built_in.table_columns(name);
        // A query over a workspace may see more than the metadata lists, never less; what is built in was seen by queries.
        // Defender's answer is that of a query.
        let (before, after) = match self.platform {
            Platform::Sentinel => (known.as_deref().unwrap_or_default(), &STANDARD[..]),
            _ => (&[][..], &[][..]),
        };
        let mut all = Columns::new();
        before.iter().for_each(|(column, ty)| push(&mut all, column, *ty));
        for (column, word) in columns {
            let standard = after.iter().find(|(name, _)| name == column);
            push(&mut all, column, standard.map_or_else(|| type_of(word), |(_, ty)| *ty));
        }
        after.iter().for_each(|(column, ty)| push(&mut all, column, *ty));
        if known.is_some_and(|known| self.adds_nothing(&known, &all)) {
            return;
        }
        match self.tables.iter_mut().find(|(other, _)| other == name) {
            Some((_, before)) => all.iter().for_each(|(column, ty)| push(before, column, *ty)),
            None => self.tables.push((name.to_owned(), all)),
        }
    }

    /// Adds a stored function; its result is not known.
    pub fn add_function(&mut self, name: &str, parameters: &str) {
        if !self.functions.iter().any(|(known, _)| known == name) {
            self.functions.push((name.to_owned(), format!("({parameters})")));
        }
    }

    /// How many tables and functions the file will have.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.tables.len(), self.functions.len())
    }

    /// The file's text, sorted by name.
    ///
    /// A workspace lists all its tables, so the file is complete. Of Defender only those can be asked for whose name is
    /// known already, so its file never is.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (mut tables, mut functions) = (self.tables.clone(), self.functions.clone());
        tables.sort();
        functions.sort();
        let columns = |columns: Columns| -> Value {
            columns.into_iter().map(|(name, ty)| (name, json!(ty.name()))).collect::<Map<_, _>>().into()
        };
        let file = json!({
            "platform": if self.platform == Platform::Xdr { "xdr" } else { "sentinel" },
            "complete": self.platform == Platform::Sentinel,
            "tables": tables.into_iter().map(|(name, all)| (name, columns(all))).collect::<Map<_, _>>(),
            "functions": functions
                .into_iter()
                .map(|(name, params)| json!({"name": name, "params": params, "open": true}))
                .collect::<Vec<_>>(),
        });
        format!("{file:#}\n")
    }

    fn adds_nothing(&self, known: &[(&str, ScalarType)], found: &Columns) -> bool {
        let is_known = |(name, ty): &(String, ScalarType)| known.contains(&(name.as_str(), *ty));
        let standard = |(name, _): &(String, ScalarType)| {
            self.platform == Platform::Sentinel && STANDARD.iter().any(|(other, _)| other == name)
        };
        let lost = self.platform == Platform::Xdr && found.len() < known.len();
        !lost && found.iter().all(|column| is_known(column) || standard(column))
    }
}

fn push(columns: &mut Columns, name: &str, ty: ScalarType) {
    if !columns.iter().any(|(known, _)| known == name) {
        columns.push((name.to_owned(), ty));
    }
}

/// Kusto's type for the word of a service: Log Analytics writes `dateTime` and `boolean`. A word from the future becomes
/// `dynamic`, with which everything can be done.
fn type_of(word: &str) -> ScalarType {
    let known = ScalarType::from_name(&word.to_ascii_lowercase());
    known.filter(|ty| *ty != ScalarType::Unknown).unwrap_or(ScalarType::Dynamic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, &str)]) -> Vec<(String, String)> {
        columns.iter().map(|(name, ty)| ((*name).to_owned(), (*ty).to_owned())).collect()
    }

    #[test]
    fn words_of_the_services() {
        for (word, name) in [
            ("int", "int"),
            ("long", "long"),
            ("real", "real"),
            ("string", "string"),
            ("dateTime", "datetime"),
            ("datetime", "datetime"),
            ("boolean", "bool"),
            ("bool", "bool"),
            ("dynamic", "dynamic"),
            ("guid", "guid"),
            ("vector16", "dynamic"),
            ("unknown", "dynamic"),
        ] {
            assert_eq!(type_of(word).name(), name, "{word}");
        }
    }

    #[test]
    fn a_workspace_file_has_what_is_not_built_in() {
        let mut pulled = Pulled::new(Platform::Sentinel);
        pulled.add_table(
            "Zoo_CL",
            &columns(&[("TimeGenerated", "dateTime"), ("Id_g", "guid"), ("TenantId", "guid")]),
        );
        pulled.add_table("Heartbeat", &columns(&[("TimeGenerated", "dateTime"), ("TenantId", "guid")]));
        pulled.add_table("SigninLogs", &columns(&[("Site_CF", "string")]));
        pulled.add_table("Zoo_CL", &columns(&[("Extra_d", "real")]));
        pulled.add_function("Users", "days:int=7");
        pulled.add_function("Users", "");
        assert_eq!(pulled.counts(), (2, 1));
        let file: Value = serde_json::from_str(&pulled.to_json()).unwrap();
        assert_eq!(file["platform"], "sentinel");
        assert_eq!(file["complete"], true);
        let zoo = &file["tables"]["Zoo_CL"];
        assert_eq!(zoo["Id_g"], "guid");
        assert_eq!(zoo["Extra_d"], "real");
        // Queries see text there, whatever the metadata says.
        assert_eq!(zoo["TenantId"], "string");
        assert_eq!(zoo["_ResourceId"], "string");
        let signin = &file["tables"]["SigninLogs"];
        assert_eq!((&signin["Site_CF"], &signin["UserPrincipalName"]), (&json!("string"), &json!("string")));
        assert_eq!(file["functions"], json!([{"name": "Users", "params": "(days:int=7)", "open": true}]));
    }

    #[test]
    fn a_defender_file_has_what_differs() {
        let schema = Schema::built_in(Platform::Xdr);
        let as_built_in: Vec<(String, String)> = schema
            .table_columns("UrlClickEvents")
            .unwrap()
            .into_iter()
            .map(|(name, ty)| (name.to_owned(), ty.name().to_owned()))
            .collect();
        let mut pulled = Pulled::new(Platform::Xdr);
        pulled.add_table("UrlClickEvents", &as_built_in);
        assert_eq!(pulled.counts(), (0, 0));
        pulled.add_table("UrlClickEvents", &as_built_in[1..]);
        let file: Value = serde_json::from_str(&pulled.to_json()).unwrap();
        assert_eq!((&file["platform"], &file["complete"]), (&json!("xdr"), &json!(false)));
        assert_eq!(file["tables"]["UrlClickEvents"].as_object().unwrap().len(), as_built_in.len() - 1);
    }
}
