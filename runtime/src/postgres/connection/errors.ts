// They are kept in foundation/ because migrations/, which comes before this module, translates the same errors.
export { sqlStateOf, translatePostgresError } from '../../foundation/postgres-errors.ts';
