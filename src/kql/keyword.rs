//! The words of the language, and where each may also be used as a name.
//!
//! A data table and its lookups. The words and their use as names are facts of Kusto.Language 12.4
//! (`SyntaxFacts`, `KustoFacts`, Apache-2.0).

/// Whether a keyword may stand where a name is expected without being written `['name']`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// Wherever a name may stand.
    Anywhere,
    /// Only where a name is declared or listed (`extend where = 1`), not as a column in an expression.
    Declared,
    /// Nowhere.
    Never,
}

macro_rules! keywords {
    ($($variant:ident $text:literal $naming:ident,)*) => {
        /// A word with a meaning in the language. `text` gives its spelling.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u16)]
        #[allow(missing_docs)]
        pub enum Keyword {
            $($variant,)*
        }

        /// Every keyword, sorted by the bytes of its spelling.
        const TABLE: &[(&str, Keyword, Naming)] = &[
            $(($text, Keyword::$variant, Naming::$naming),)*
        ];
    };
}

keywords! {
    NotBetween "!between" Never,
    NotContains "!contains" Never,
    NotContainsCs "!contains_cs" Never,
    NotEndswith "!endswith" Never,
    NotEndswithCs "!endswith_cs" Never,
    NotHas "!has" Never,
    NotHasCs "!has_cs" Never,
    NotHasprefix "!hasprefix" Never,
    NotHasprefixCs "!hasprefix_cs" Never,
    NotHassuffix "!hassuffix" Never,
    NotHassuffixCs "!hassuffix_cs" Never,
    NotIn "!in" Never,
    NotInTilde "!in~" Never,
    NotStartswith "!startswith" Never,
    NotStartswithCs "!startswith_cs" Never,
    ThreeDChart "3Dchart" Never,
    InternalContextualDatatable "__contextual_datatable" Never,
    InternalCrossCluster "__crossCluster" Never,
    InternalCrossDB "__crossDB" Never,
    InternalExecuteAndCache "__executeAndCache" Never,
    InternalId "__id" Never,
    InternalIsFuzzy "__isFuzzy" Never,
    InternalNoWithSource "__noWithSource" Never,
    InternalPackedColumn "__packedColumn" Never,
    InternalPartitionby "__partitionby" Anywhere,
    InternalProjectAway "__projectAway" Never,
    InternalSourceColumnIndex "__sourceColumnIndex" Never,
    Access "access" Anywhere,
    Accumulate "accumulate" Declared,
    Alias "alias" Anywhere,
    And "and" Never,
    Anomalychart "anomalychart" Never,
    Areachart "areachart" Never,
    As "as" Declared,
    Asc "asc" Never,
    AssertSchema "assert-schema" Never,
    Bagexpansion "bagexpansion" Never,
    Barchart "barchart" Never,
    BestEffort "best_effort" Anywhere,
    Between "between" Never,
    Bin "bin" Anywhere,
    BinLegacy "bin_legacy" Never,
    Bool "bool" Anywhere,
    Boolean "boolean" Never,
    By "by" Declared,
    Byte "byte" Never,
    Cachingpolicy "cachingpolicy" Never,
    Callout "callout" Never,
    Cancel "cancel" Never,
    Card "card" Never,
    Char "char" Never,
    Columnchart "columnchart" Never,
    CommandsAndQueries "commands-and-queries" Never,
    Consume "consume" Anywhere,
    Contains "contains" Declared,
    ContainsCs "contains_cs" Never,
    Containscs "containscs" Never,
    Count "count" Anywhere,
    Cycles "cycles" Never,
    Database "database" Anywhere,
    Dataexport "dataexport" Never,
    Dataformat "dataformat" Anywhere,
    Datascope "datascope" Never,
    Datatable "datatable" Declared,
    Date "date" Never,
    Datetime "datetime" Never,
    DatetimePattern "datetime_pattern" Anywhere,
    Decimal "decimal" Never,
    Declare "declare" Anywhere,
    Decodeblocks "decodeblocks" Never,
    Default "default" Anywhere,
    Desc "desc" Never,
    Distinct "distinct" Anywhere,
    Double "double" Never,
    Dynamic "dynamic" Never,
    Earliest "earliest" Declared,
    Edges "edges" Anywhere,
    Encodingpolicy "encodingpolicy" Never,
    Endswith "endswith" Never,
    EndswithCs "endswith_cs" Never,
    EntityGroup "entity_group" Anywhere,
    Evaluate "evaluate" Anywhere,
    Expandoutput "expandoutput" Never,
    Extend "extend" Anywhere,
    ExtentTagsRetention "extent_tags_retention" Never,
    ExternalData "external_data" Never,
    Externaldata "externaldata" Declared,
    Facet "facet" Anywhere,
    Filter "filter" Anywhere,
    Find "find" Declared,
    First "first" Never,
    Flags "flags" Never,
    Float "float" Never,
    ForceRemote "force_remote" Never,
    Fork "fork" Anywhere,
    From "from" Anywhere,
    Getschema "getschema" Anywhere,
    GrannyAsc "granny-asc" Never,
    GrannyDesc "granny-desc" Never,
    Graph "graph" Anywhere,
    GraphMarkComponents "graph-mark-components" Never,
    GraphMatch "graph-match" Never,
    GraphShortestPaths "graph-shortest-paths" Never,
    GraphToTable "graph-to-table" Never,
    GraphWhereEdges "graph-where-edges" Never,
    GraphWhereNodes "graph-where-nodes" Never,
    Guid "guid" Anywhere,
    Harddelete "harddelete" Never,
    Hardretention "hardretention" Never,
    Has "has" Declared,
    HasAll "has_all" Never,
    HasAny "has_any" Never,
    HasCs "has_cs" Never,
    Hasprefix "hasprefix" Never,
    HasprefixCs "hasprefix_cs" Never,
    Hassuffix "hassuffix" Never,
    HassuffixCs "hassuffix_cs" Never,
    HintConcurrency "hint.concurrency" Never,
    HintDistribution "hint.distribution" Never,
    HintMaterialized "hint.materialized" Never,
    HintNumPartitions "hint.num_partitions" Never,
    HintProgressiveTop "hint.progressive_top" Never,
    HintRemote "hint.remote" Never,
    HintShufflekey "hint.shufflekey" Never,
    HintSpread "hint.spread" Never,
    HintStrategy "hint.strategy" Never,
    Hotcache "hotcache" Never,
    Id "id" Anywhere,
    In "in" Declared,
    InlineExternalTable "inline_external_table" Anywhere,
    Int "int" Never,
    Int16 "int16" Never,
    Int32 "int32" Never,
    Int64 "int64" Never,
    Int8 "int8" Never,
    Invoke "invoke" Declared,
    InTilde "in~" Never,
    Isfuzzy "isfuzzy" Never,
    Join "join" Anywhere,
    Journal "journal" Never,
    Kind "kind" Never,
    Ladderchart "ladderchart" Never,
    Last "last" Never,
    Latest "latest" Declared,
    Let "let" Anywhere,
    Like "like" Never,
    Likecs "likecs" Never,
    Limit "limit" Anywhere,
    Linechart "linechart" Never,
    Long "long" Never,
    Lookup "lookup" Anywhere,
    MacroExpand "macro-expand" Never,
    MakeGraph "make-graph" Never,
    MakeSeries "make-series" Never,
    MatchesRegex "matches regex" Never,
    Materialize "materialize" Declared,
    MaterializedViewCombine "materialized-view-combine" Never,
    MaterializedViews "materialized-views" Never,
    Mdm "mdm" Declared,
    Missing "missing" Never,
    MvApply "mv-apply" Never,
    MvExpand "mv-expand" Never,
    Mvapply "mvapply" Anywhere,
    Mvexpand "mvexpand" Anywhere,
    Nodes "nodes" Anywhere,
    Nooptimization "nooptimization" Never,
    Notcontains "notcontains" Never,
    Notcontainscs "notcontainscs" Never,
    Notlike "notlike" Never,
    Notlikecs "notlikecs" Never,
    Null "null" Anywhere,
    Nulls "nulls" Anywhere,
    Of "of" Declared,
    On "on" Anywhere,
    Optional "optional" Anywhere,
    Or "or" Never,
    Order "order" Anywhere,
    Others "others" Never,
    Output "output" Anywhere,
    Pack "pack" Anywhere,
    Parse "parse" Anywhere,
    ParseKv "parse-kv" Never,
    ParseWhere "parse-where" Never,
    Partition "partition" Anywhere,
    PartitionedBy "partitioned-by" Never,
    Pathformat "pathformat" Never,
    Pattern "pattern" Anywhere,
    Piechart "piechart" Never,
    Pivotchart "pivotchart" Never,
    Plotly "plotly" Anywhere,
    Print "print" Declared,
    Project "project" Never,
    ProjectAway "project-away" Never,
    ProjectByNames "project-by-names" Never,
    ProjectKeep "project-keep" Never,
    ProjectRename "project-rename" Never,
    ProjectReorder "project-reorder" Never,
    ProjectSmart "project-smart" Never,
    Queries "queries" Never,
    QueryParameters "query_parameters" Anywhere,
    QueryResults "query_results" Never,
    Range "range" Anywhere,
    Real "real" Never,
    Reduce "reduce" Anywhere,
    Regex "regex" Anywhere,
    Relaxed "relaxed" Never,
    Render "render" Anywhere,
    Restrict "restrict" Anywhere,
    RestrictedViewAccess "restricted_view_access" Never,
    RowLevelSecurity "row_level_security" Never,
    Rowstore "rowstore" Never,
    RowstoreReferences "rowstore_references" Never,
    RowstoreSealinfo "rowstore_sealinfo" Never,
    Rowstorepolicy "rowstorepolicy" Never,
    Rowstores "rowstores" Never,
    Sample "sample" Declared,
    SampleDistinct "sample-distinct" Declared,
    Scan "scan" Anywhere,
    Scatterchart "scatterchart" Never,
    Seal "seal" Never,
    Seals "seals" Never,
    Search "search" Declared,
    Serialize "serialize" Anywhere,
    Set "set" Declared,
    SetOrAppend "set-or-append" Never,
    SetOrReplace "set-or-replace" Never,
    Shards "shards" Never,
    Simple "simple" Never,
    Softdelete "softdelete" Never,
    Softretention "softretention" Never,
    Sort "sort" Anywhere,
    Sql "sql" Declared,
    Stackedareachart "stackedareachart" Never,
    Startswith "startswith" Never,
    StartswithCs "startswith_cs" Never,
    Statistics "statistics" Never,
    Step "step" Anywhere,
    Storedqueryresultcontainers "storedqueryresultcontainers" Never,
    String "string" Never,
    Summarize "summarize" Anywhere,
    Tablepurge "tablepurge" Never,
    Take "take" Anywhere,
    Time "time" Never,
    Timechart "timechart" Never,
    Timeline "timeline" Never,
    Timepivot "timepivot" Never,
    Timespan "timespan" Never,
    Title "title" Declared,
    To "to" Declared,
    Top "top" Anywhere,
    TopHitters "top-hitters" Declared,
    TopNested "top-nested" Declared,
    Toscalar "toscalar" Declared,
    Totable "totable" Declared,
    Treemap "treemap" Never,
    Typeof "typeof" Anywhere,
    Uint "uint" Never,
    Uint16 "uint16" Never,
    Uint32 "uint32" Never,
    Uint64 "uint64" Never,
    Uint8 "uint8" Never,
    Ulong "ulong" Never,
    Union "union" Never,
    Uniqueid "uniqueid" Never,
    Unrestrictedviewers "unrestrictedviewers" Never,
    Uuid "uuid" Anywhere,
    Verbose "verbose" Declared,
    View "view" Anywhere,
    Viewers "viewers" Declared,
    Views "views" Never,
    Where "where" Declared,
    With "with" Anywhere,
    WithItemindex "with_itemindex" Never,
    WithMatchId "with_match_id" Never,
    WithNodeId "with_node_id" Anywhere,
    WithSource "with_source" Never,
    WithStepName "with_step_name" Never,
    Withsource "withsource" Never,
    Writeaheadlog "writeaheadlog" Never,
}

impl Keyword {
    /// The keyword spelled exactly so; Kusto's keywords are case-sensitive.
    #[must_use]
    pub fn from_text(word: &str) -> Option<Self> {
        let index = TABLE.binary_search_by(|row| row.0.cmp(word)).ok()?;
        TABLE.get(index).map(|row| row.1)
    }

    /// The keyword as it is written.
    #[must_use]
    pub fn text(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |row| row.0)
    }

    /// Where the word may be used as a name.
    #[must_use]
    pub fn naming(self) -> Naming {
        TABLE.get(self as usize).map_or(Naming::Never, |row| row.2)
    }

    /// The longest keyword at the start of `text` that begins with `word` and goes on with a character that is
    /// not part of a word: `project-away`, `hint.strategy`, `in~`, `matches regex`, `!has`.
    pub(super) fn longest_compound(word: &str, text: &str) -> Option<Self> {
        let first = TABLE.partition_point(|row| row.0 < word);
        TABLE
            .get(first..)?
            .iter()
            .take_while(|row| row.0.starts_with(word))
            .filter(|row| row.0.len() > word.len() && text.starts_with(row.0))
            .max_by_key(|row| row.0.len())
            .map(|row| row.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_lookups_find_every_row() {
        for (index, (text, keyword, _)) in TABLE.iter().enumerate() {
            assert_eq!(Keyword::from_text(text), Some(*keyword), "{text}");
            assert_eq!(*keyword as usize, index, "{text}");
            assert_eq!(keyword.text(), *text);
        }
    }
}
