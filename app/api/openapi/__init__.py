"""The API's description in OpenAPI 3.1, made from the schemas that validate and the errors that views declare."""
