curl 'http://127.0.0.1:8080/api/v1/events?after=0&wait=25' \
  -H "Authorization: Bearer $TOKEN"
