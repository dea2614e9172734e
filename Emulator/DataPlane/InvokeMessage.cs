using System.Buffers;
using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Data;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>
/// An invoke message, with the difference between an absent field and a zero one, which the generated class drops: absent means
/// a default here, zero means zero.
/// </summary>
internal readonly record struct InvokeMessage(InvokeRequest Request, uint Present)
{
    private const int MethodField = 3;
    private const int DeadlineField = 6;
    private const int RequestIdField = 8;

    public string Method => Has(MethodField) ? Request.Method : "GET";

    public string RequestId => Has(RequestIdField) ? Request.RequestId : "unknown";

    public double DeadlineOr(double now) => Has(DeadlineField) ? Request.Deadline : now + Deadline.DefaultMs;

    public static InvokeMessage Parse(ReadOnlySequence<byte> payload)
    {
        InvokeRequest request = InvokeRequest.Parser.ParseFrom(payload);

        // Only an empty value can be either; a message that has all three needs no second look.
        bool ambiguous = request.Method.Length == 0 || request.RequestId.Length == 0 || request.Deadline == 0;
        return new InvokeMessage(request, ambiguous && request.Name.Length > 0 ? Scan(payload) : uint.MaxValue);
    }

    private bool Has(int field) => (Present & (1u << field)) != 0;

    private static uint Scan(ReadOnlySequence<byte> payload)
    {
        uint present = 0;
        using var input = new CodedInputStream(payload.ToArray());
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            int field = WireFormat.GetTagFieldNumber(tag);
            if (field < 32)
                present |= 1u << field;
            input.SkipLastField();
        }

        return present;
    }
}
