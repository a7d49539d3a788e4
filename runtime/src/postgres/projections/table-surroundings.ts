import type { PostgresTransaction } from '../connection/client.ts';

/**
 * Statements that give the table behind a name, once another has taken its place, what people gave to this one: its owner,
 * privileges on it and its columns and no others, its comment, row security, triggers. `CREATE TABLE … LIKE` copies none of
 * it. An owner whose role this session may not take stays behind; the privileges come along all the same. $1 are the names,
 * $2 the tables that take their place.
 */
const STATEMENTS_SQL = `
  WITH t AS (
    SELECT p.no, p.name, p.name::regclass::oid AS oid, c.relowner AS owner, c.relnamespace AS schema, c.relacl AS acl,
      c.relrowsecurity AS secured, c.relforcerowsecurity AS forced, n.oid AS new_oid, n.relacl AS new_acl, n.relowner AS new_owner
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS p(name, built, no)
    JOIN pg_class c ON c.oid = p.name::regclass JOIN pg_class n ON n.oid = p.built::regclass
  )
  SELECT statement FROM (
    SELECT no, 1 AS step, '' AS what, format('ALTER TABLE %s OWNER TO %I', name, pg_get_userbyid(owner)) AS statement FROM t
    WHERE owner <> new_owner AND has_schema_privilege(owner, schema, 'CREATE') AND pg_has_role(owner,
      CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    UNION ALL
    SELECT no, 2, '', format('REVOKE ALL ON %s FROM %s', name, role) FROM t
    CROSS JOIN LATERAL (
      SELECT DISTINCT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role
      FROM aclexplode(new_acl) WHERE grantee <> new_owner) given
    UNION ALL
    SELECT no, 3, '', format('GRANT %s ON %s TO %s%s', privilege_type, name,
      CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
      CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM t, aclexplode(acl) WHERE grantee <> owner
    UNION ALL
    SELECT no, 3, a.attname, format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, a.attname, name,
      CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
      CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND NOT a.attisdropped
    JOIN pg_attribute b ON b.attrelid = t.new_oid AND b.attname = a.attname AND NOT b.attisdropped,
    aclexplode(a.attacl) x
    UNION ALL
    SELECT no, 4, '', format('COMMENT ON TABLE %s IS %L', name, obj_description(oid, 'pg_class')) FROM t
    WHERE obj_description(oid, 'pg_class') IS NOT NULL
    UNION ALL
    SELECT no, 5, pol.polname, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', pol.polname, name,
      CASE WHEN pol.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
      CASE pol.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
      (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
        FROM unnest(pol.polroles) AS role),
      ' USING (' || pg_get_expr(pol.polqual, pol.polrelid) || ')',
      ' WITH CHECK (' || pg_get_expr(pol.polwithcheck, pol.polrelid) || ')')
    FROM t JOIN pg_policy pol ON pol.polrelid = t.oid
    UNION ALL
    SELECT no, 6, '', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name) FROM t WHERE secured
    UNION ALL
    SELECT no, 6, '', format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name) FROM t WHERE forced
    UNION ALL
    SELECT no, 7, g.tgname, pg_get_triggerdef(g.oid) FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
  ) s ORDER BY no, step, what`;

/** What to say once tables have taken the place, and the names, of these. */
export async function surroundingsOf(
  transaction: PostgresTransaction,
  tables: readonly { readonly name: string; readonly built: string }[],
): Promise<readonly string[]> {
  const { rows } = await transaction.query<{ readonly statement: string }>({
    text: STATEMENTS_SQL,
    values: [tables.map(({ name }) => name), tables.map(({ built }) => built)],
  });
  return rows.map(({ statement }) => statement);
}
