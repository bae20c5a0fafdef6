def test_a_render_is_sent_out(api, signing):
    created = api.created()

    assert created["status"] == "sent"
    assert api.get(f"/v1/signatures/{created['id']}").json == created
    assert len(signing.envelopes) == 1
