package store

import "encoding/binary"

// The two ways of a batch into products when it is written down.
const (
	// insertRecorded is insertBatch. Everything that it creates is known beforehand, so the list is only passed on.
	insertRecorded = `WITH created AS (INSERT INTO sync_creations (session_id, batch, catalog, first_id, last_id, ids, digests)
		SELECT $12::text, $13::bigint, $10::text, ($1::text[])[1], ($1::text[])[cardinality($1)], array_to_json($1)::text, $14::bytea` + onceOnly + `) ` + insertBatch
	// mergeRecorded is mergeBatch. Each row is locked as it is read, and read before it is written, so that what is written down is what is
	// overwritten. Its third number is how many updates were written down: there are more updates where somebody else inserted a row meanwhile.
	mergeRecorded = `WITH b AS (
			SELECT b.*, p.id IS NOT NULL AS held, p.hash AS old_hash, p.digest AS old_digest, p.sku AS old_sku, p.name AS old_name, p.price AS old_price,
				p.currency AS old_currency, p.active AS old_active, p.attributes AS old_attributes, p.origin_node_id AS old_origin_node_id,
				p.created_at AS old_created_at, p.updated_at AS old_updated_at
			FROM ` + batchRows + ` LEFT JOIN LATERAL (SELECT * FROM products WHERE catalog = $10 AND id = b.id FOR NO KEY UPDATE) AS p ON true
		), merged AS (` + insertColumns + `
			SELECT $10, id, sku, name, price, currency, active, attributes, hash, digest, $11, clock_timestamp(), clock_timestamp() FROM b
			` + onConflict + ` RETURNING id, digest, (xmax = 0) AS created
		), updated AS (
			INSERT INTO sync_changes (session_id, batch, product_id, kind, ` + beforeColumns + `, hash_before, hash_after,
				new_sku, new_name, new_price, new_currency, new_active, new_attributes, new_origin_node_id)
			SELECT $12::text, $13::bigint, id, 'updated', old_sku, old_name, old_price, old_currency, old_active, old_attributes, old_origin_node_id,
				old_created_at, old_updated_at, CASE WHEN old_digest IS NULL THEN '' ELSE old_hash END, hash,
				NULLIF(sku, old_sku), NULLIF(name, old_name), NULLIF(price, old_price), NULLIF(currency, old_currency), NULLIF(active, old_active),
				NULLIF(attributes, old_attributes), NULLIF($11::text, old_origin_node_id)
			FROM b WHERE held AND (old_hash <> hash OR old_digest IS NULL)` + onceOnly + `
			RETURNING 1
		), created AS (
			INSERT INTO sync_creations (session_id, batch, catalog, first_id, last_id, ids, digests)
			SELECT $12, $13, $10::text, min(id), max(id), json_agg(id ORDER BY id)::text, string_agg(int8send(coalesce(digest, 0)), '' ORDER BY id)
			FROM merged WHERE created HAVING count(*) > 0` + onceOnly + `
		) SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created), (SELECT count(*) FROM updated) FROM merged`
)

// args are the arguments that say where to write a batch down, in binary form.
func (r *recording) args() [][]byte {
	return [][]byte{[]byte(r.session), binary.BigEndian.AppendUint64(nil, uint64(r.batch))} //nolint:gosec // the same 64 bits
}
